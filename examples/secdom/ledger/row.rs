// SPDX-License-Identifier: MIT OR Apache-2.0
//! The records of a log as rows of a table: a step and its outcome are one row.

use security_domain::custodian::CustodianId;
use security_domain::custody::{Body, Cause, Fact, LossKind, Record};
use security_domain::lifecycle::Event;
use serde_json::{Value, json};

use crate::hsm::{described, ended};
use crate::names::Names;
use crate::{clock, show};

/// What is shown of one record.
pub struct Row {
    pub number: u32,
    /// In Unix seconds; 0 if the HSM had no clock.
    pub time: u64,
    /// The step or fact, in a word.
    pub what: &'static str,
    /// The custodian whom it is about.
    pub custodian: Option<CustodianId>,
    /// The person who signed it; foreign text.
    pub person: Option<String>,
    /// More of it, in the tool's own words; may be empty.
    pub says: String,
    /// What was written of it; foreign text.
    pub detail: Option<String>,
    /// How the step ended; `None` if it is no step.
    pub outcome: Option<&'static str>,
    pub is_endorsement: bool,
    /// All fields in JSON.
    pub fields: Value,
}

/// The outcome of a step that has none yet.
const UNDER_WAY: &str = "under way";

/// The outcome of a step during which the power failed.
const NOT_KNOWN: &str = "not known";

/// Adds a record to the rows of those before it.
pub fn add(rows: &mut Vec<Row>, record: &Record<'_>) {
    if let Body::Outcome {
        outcome, intent, ..
    } = record.body
    {
        let step = rows.iter_mut().rev().find(|row| row.number == intent);
        if let Some(step) = step {
            step.outcome = Some(outcome.map_or(NOT_KNOWN, ended));
        }
        return;
    }
    rows.push(row(record));
}

/// Returns the row of a record without those before it.
pub fn alone(record: &Record<'_>) -> Row {
    let mut row = row(record);
    match &record.body {
        // What came of the step is in another record.
        Body::Event(_) => row.outcome = None,
        Body::Outcome {
            step,
            outcome,
            intent,
        } => {
            let outcome = outcome.map_or(NOT_KNOWN, ended);
            row.what = "outcome";
            row.says = format!("{outcome}, of {} in record {intent}", step.name());
            row.outcome = Some(outcome);
            row.fields = json!({ "of": step.name(), "intent": intent });
        }
        _ => {}
    }
    row
}

fn row(record: &Record<'_>) -> Row {
    let mut row = Row {
        number: record.number,
        time: record.time,
        what: "other",
        custodian: None,
        person: None,
        says: String::new(),
        detail: None,
        outcome: None,
        is_endorsement: false,
        fields: json!({}),
    };
    match &record.body {
        Body::Event(event) => {
            let (what, fields) = described(event);
            row.what = what;
            row.outcome = event.step().map(|_| UNDER_WAY);
            row.custodian = match event {
                Event::Contribute { custodian }
                | Event::Consent { custodian }
                | Event::Prove { custodian } => Some(*custodian),
                _ => None,
            };
            row.says = says(&fields);
            row.detail = fields["reason"].as_str().map(str::to_owned);
            row.fields = fields;
        }
        Body::Refused { step, count } => {
            row.what = "refused";
            row.says = format!("{count} x {}", step.name());
            row.fields = json!({ "of": step.name(), "count": count });
        }
        Body::Endorsement(endorsement) => {
            let domain = endorsement.domain().to_string();
            row.what = "endorsement";
            row.is_endorsement = true;
            row.says = format!("domain {domain}");
            row.fields = json!({
                "domain_id": domain,
                "instance_key": show::hex(endorsement.key.as_bytes()),
                "header_digest": endorsement.header.to_string(),
            });
        }
        Body::Fact(fact) => of_fact(&mut row, fact),
        _ => {}
    }
    row
}

/// What the fields of an event say in a few words.
fn says(fields: &Value) -> String {
    let words = [
        ("epoch", "epoch "),
        ("kind", ""),
        ("because", ""),
        ("backup_id", "backup "),
    ];
    let of = |(member, before): (&str, &str)| match &fields[member] {
        Value::Null => None,
        Value::String(text) => Some(format!("{before}{text}")),
        value => Some(format!("{before}{value}")),
    };
    words.into_iter().find_map(of).unwrap_or_default()
}

fn of_fact(row: &mut Row, fact: &Fact<'_>) {
    let detail = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    match fact {
        Fact::Pin(pin) => {
            row.what = "pin";
            row.says = format!("{} records of HSM {}", pin.head.size, pin.instance);
            row.fields = json!({
                "instance_id": pin.instance.to_string(),
                "records": pin.head.size,
                "root": pin.head.root.to_string(),
            });
        }
        Fact::HandOff(hand_off) => {
            row.what = "hand-off";
            row.custodian = Some(hand_off.custodian);
            row.person = Some(hand_off.taker.as_str().to_owned());
            row.fields = json!({
                "taker_key": show::hex(hand_off.key.as_bytes()),
                "signed": time(hand_off.signed),
                "after": hand_off.after,
            });
        }
        Fact::Drill(drill) => {
            row.what = "drill";
            row.custodian = Some(drill.custodian);
            row.says = drill.proof.to_string();
            row.fields = json!({
                "proof": drill.proof.to_string(),
                "challenge_digest": drill.challenge.to_string(),
            });
        }
        Fact::Loss(loss) => {
            row.what = "loss";
            row.custodian = Some(loss.custodian);
            row.says = loss_kind(loss.kind).into();
            row.detail = detail(loss.detail.as_str());
            row.fields = json!({ "kind": loss_kind(loss.kind) });
        }
        Fact::Closed(closed) => {
            row.what = "loss-closed";
            row.says = format!("loss in record {}", closed.loss);
            row.detail = detail(closed.detail.as_str());
            row.fields = json!({ "loss": closed.loss });
        }
        Fact::Concern(concern) => {
            row.what = "concern";
            row.says = concern.cause.to_string();
            row.detail = detail(concern.detail.as_str());
            row.fields = json!({ "cause": cause(concern.cause) });
        }
        Fact::Review(review) => {
            row.what = "review";
            row.says = review.cause.to_string();
            row.detail = detail(review.detail.as_str());
            row.fields = json!({
                "cause": cause(review.cause),
                "act_digest": review.act.map(|act| act.to_string()),
            });
        }
        _ => {}
    }
}

/// The word for a loss on the command line and in JSON.
pub const fn loss_kind(kind: LossKind) -> &'static str {
    match kind {
        LossKind::Lost => "lost",
        LossKind::Destroyed => "destroyed",
        LossKind::Compromised => "compromised",
        _ => "other",
    }
}

/// The word for the cause of a review on the command line and in JSON.
pub const fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Due => "due",
        Cause::MemberLeft => "member-left",
        Cause::NewThreat => "new-threat",
        Cause::ProcessChange => "process-change",
        Cause::DeviceLost => "device-lost",
        _ => "other",
    }
}

/// A time of the HSM in JSON; null without a clock.
pub fn time(seconds: u64) -> Value {
    match seconds {
        0 => Value::Null,
        seconds => clock::shown(seconds).into(),
    }
}

/// A time of the HSM, to be shown.
pub fn when(seconds: u64) -> String {
    match seconds {
        0 => "without a clock".into(),
        seconds => clock::shown(seconds),
    }
}

impl Row {
    /// Says whom and what it is about, to be shown.
    pub fn about(&self, names: &Names) -> String {
        let person = self.person.as_deref().map(show::whole);
        let custodian = self.custodian.map(|id| names.show(id));
        let about = match (person, custodian) {
            (Some(person), Some(custodian)) => format!("{person} for custodian {custodian}"),
            (None, Some(custodian)) => format!("custodian {custodian}"),
            (Some(person), None) => person,
            (None, None) => String::new(),
        };
        let detail = self.detail.as_deref().map(show::whole);
        let parts = [about, self.says.clone(), detail.unwrap_or_default()];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join(": ")
    }

    /// All of it in JSON.
    pub fn json(&self, names: &Names) -> Value {
        let mut object = self.fields.clone();
        object["record"] = self.number.into();
        object["time"] = time(self.time);
        object["what"] = self.what.into();
        object["outcome"] = self.outcome.into();
        if let Some(custodian) = self.custodian {
            object["custodian"] = custodian.to_string().into();
            object["subject"] = names.subject(custodian).into();
        }
        if let Some(person) = &self.person {
            object["person"] = person.as_str().into();
        }
        if let Some(detail) = &self.detail {
            object["detail"] = detail.as_str().into();
        }
        object
    }
}
