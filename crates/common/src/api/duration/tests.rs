use std::time::Duration;

use super::{Interval, format, parse};

#[test]
fn reads_what_go_reads() {
    let cases: &[(&str, u64)] = &[
        ("0", 0),
        ("0s", 0),
        ("60s", 60_000_000_000),
        ("1h30m", 5_400_000_000_000),
        ("1.5h", 5_400_000_000_000),
        ("100ms", 100_000_000),
        ("1m0.25s", 60_250_000_000),
        (".5s", 500_000_000),
        ("3us", 3_000),
        ("3µs", 3_000),
        ("9223372036854775807ns", i64::MAX as u64),
        ("0.333333333333333333333h", 1_199_999_999_999),
    ];
    for (text, nanos) in cases {
        assert_eq!(parse(text), Ok(Duration::from_nanos(*nanos)), "{text}");
    }
}

#[test]
fn refuses_what_is_no_duration() {
    for text in [
        "",
        "s",
        "1",
        "1d",
        "-1s",
        "1s ",
        "1..5s",
        "9223372036854775808ns",
        ".s",
        "99999999999999999999h",
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.text, text);
    }
}

#[test]
fn writes_as_go_writes() {
    let cases: &[(u64, &str)] = &[
        (0, "0s"),
        (1, "1ns"),
        (1_100, "1.1µs"),
        (2_200_000, "2.2ms"),
        (3_300_000_000, "3.3s"),
        (60_000_000_000, "1m0s"),
        (3_600_000_000_000, "1h0m0s"),
        (3_601_000_000_001, "1h0m1.000000001s"),
    ];
    for (nanos, text) in cases {
        assert_eq!(format(Duration::from_nanos(*nanos)), *text);
    }
}

#[test]
fn keeps_the_text_as_written() {
    let interval: Interval = serde_json::from_str("\"60s\"").unwrap();
    assert_eq!(interval.get(), Ok(Duration::from_mins(1)));
    assert_eq!(serde_json::to_string(&interval).unwrap(), "\"60s\"");
    // A text that slipped past the CRD breaks the one object that holds it, not its list.
    let wrong: Interval = serde_json::from_str("\"soon\"").unwrap();
    assert!(wrong.get().unwrap_err().to_string().contains("\"soon\""));
    assert!("soon".parse::<Interval>().is_err());
}
