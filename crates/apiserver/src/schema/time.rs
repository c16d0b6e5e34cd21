//! Timestamps as Kubernetes writes them: RFC 3339 in UTC, whole seconds (`Time`) or microseconds (`MicroTime`).

use jiff::Timestamp;

/// The canonical text of a timestamp.
///
/// # Errors
/// The message of Go's time parser for text that is no RFC 3339 time.
pub(super) fn canonical(text: &str, precise: bool) -> Result<String, String> {
    let layout =
        if precise { "2006-01-02T15:04:05.000000Z07:00" } else { "2006-01-02T15:04:05Z07:00" };
    if precise {
        // Go's layout wants the six digits.
        let fraction = text.get(19..).unwrap_or_default();
        let digits = fraction
            .strip_prefix('.')
            .map_or(0, |rest| rest.chars().take_while(char::is_ascii_digit).count());
        if digits != 6 {
            return Err(format!(
                "parsing time {text:?} as {layout:?}: cannot parse {fraction:?} as \".000000\""
            ));
        }
    }
    let time: Timestamp = text.parse().map_err(|_| {
        format!("parsing time {text:?} as {layout:?}: cannot parse {text:?} as \"2006\"")
    })?;
    let format = if precise { "%Y-%m-%dT%H:%M:%S.%6fZ" } else { "%Y-%m-%dT%H:%M:%SZ" };
    Ok(time.strftime(format).to_string())
}
