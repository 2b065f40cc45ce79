// SPDX-License-Identifier: MIT OR Apache-2.0
//! The present that a log gives, in words and in JSON.

use std::fmt::Write;

use security_domain::custody::Holding;
use serde_json::{Value, json};

use super::read::{Held, ReadLog};
use super::row::{cause, loss_kind, time, when};
use crate::names::Names;
use crate::show;

/// What the log says of each custodian and of reviews, a line each.
pub fn text(log: &ReadLog, names: &Names) -> String {
    let (present, mut text) = (&log.present, String::new());
    match present.header() {
        Some((epoch, header)) => {
            let _ = writeln!(
                text,
                "in use: epoch {}, header-digest {header}",
                epoch.get()
            );
        }
        None => text += "in use: no sealed domain that the log names\n",
    }
    for holding in present.holdings() {
        let _ = writeln!(text, "custodian {}", names.show(holding.custodian));
        for line in custodian(log, holding) {
            let _ = writeln!(text, "  {line}");
        }
    }
    if present.is_crowded() {
        text += "more custodians than a domain has: some are not shown\n";
    }
    match present.review() {
        Some((number, at, why)) => {
            let _ = writeln!(text, "last review: {}, record {number}: {why}", when(at));
        }
        None => text += "last review: none\n",
    }
    if let Some((number, at, why)) = present.concern() {
        let _ = writeln!(
            text,
            "asks for a review: {}, record {number}: {why}",
            when(at)
        );
    }
    text
}

fn custodian(log: &ReadLog, holding: &Holding) -> Vec<String> {
    let mut lines = Vec::new();
    lines.push(match &holding.holder {
        Some((number, at, holder)) => {
            let name = show::whole(holder.name.as_str());
            format!("held by {name} since {}, record {number}", when(*at))
        }
        None => "held by: no hand-off".into(),
    });
    lines.push(match &holding.drill {
        Some((number, at, proof)) => format!("last drill: {}, record {number}: {proof}", when(*at)),
        None => "last drill: none".into(),
    });
    if let Some((number, at, kind)) = &holding.loss {
        let kind = loss_kind(*kind);
        lines.push(format!("open loss: {}, record {number}: {kind}", when(*at)));
    }
    for held in log.former(holding) {
        let name = show::whole(held.holder.name.as_str());
        lines.push(format!(
            "may still know the share: {name}, holder since {}, record {}",
            when(held.time),
            held.number
        ));
    }
    lines
}

/// The same in JSON.
pub fn json(log: &ReadLog, names: &Names) -> Value {
    let present = &log.present;
    let holdings = present.holdings().map(|holding| {
        let former = log.former(holding).iter().map(held);
        json!({
            "custodian": holding.custodian.to_string(),
            "subject": names.subject(holding.custodian),
            "holder": holding.holder.map(|(number, time, holder)| held(&Held { number, time, holder })),
            "may_know_share": former.collect::<Value>(),
            "drill": holding.drill.map(|(number, at, proof)| json!({
                "record": number, "time": time(at), "proof": proof.to_string(),
            })),
            "open_loss": holding.loss.map(|(number, at, kind)| json!({
                "record": number, "time": time(at), "kind": loss_kind(kind),
            })),
        })
    });
    let of_cause =
        |(number, at, why)| json!({ "record": number, "time": time(at), "cause": cause(why) });
    json!({
        "epoch": present.header().map(|(epoch, _)| epoch.get()),
        "header_digest": present.header().map(|(_, header)| header.to_string()),
        "custodians": holdings.collect::<Value>(),
        "custodians_left_out": present.is_crowded(),
        "review": present.review().map(of_cause),
        "concern": present.concern().map(of_cause),
    })
}

fn held(held: &Held) -> Value {
    json!({
        "record": held.number,
        "time": time(held.time),
        "name": held.holder.name.as_str(),
        "key": show::hex(held.holder.key.as_bytes()),
    })
}
