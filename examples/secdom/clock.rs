// SPDX-License-Identifier: MIT OR Apache-2.0
//! The time of day, and times in the form of RFC 3339.

use std::time::{SystemTime, UNIX_EPOCH};

use der::DateTime;

/// Seconds since 1970, by this machine's clock.
pub fn now() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds)
        }
    }
}

/// Seconds since 1970, as the library takes them: 0 if the clock is before.
pub fn unix() -> u64 {
    u64::try_from(now()).unwrap_or(0)
}

/// Formats a time that an HSM shows; its seconds where no calendar has it.
pub fn shown(seconds: u64) -> String {
    i64::try_from(seconds).map_or_else(|_| seconds.to_string(), rfc3339)
}

/// Formats a time like `2034-01-29T00:00:00Z`. Certificates have years from 0 to 9999, and so does
/// RFC 3339.
pub fn rfc3339(seconds: i64) -> String {
    let (days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 1 March of year 0, in a calendar whose years begin in March, so that the leap day
    // is the last day of a year. Each era of 400 years has 146,097 days.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Reads a date, or a date with a time, of UTC, as Unix seconds.
pub fn parse(text: &str) -> Result<u64, String> {
    let whole = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        _ => text.to_owned(),
    };
    let time = whole.parse::<DateTime>();
    let time = time.map_err(|_| "not a time such as 2026-12-31 or 2026-12-31T09:00:00Z")?;
    Ok(time.unix_duration().as_secs())
}
