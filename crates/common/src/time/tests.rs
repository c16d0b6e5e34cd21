use super::Time;

#[test]
fn whole_seconds_in_utc() {
    let text = "\"2026-03-01T12:00:00.987654321+02:00\"";
    let time: Time = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-03-01T10:00:00Z\"");
    assert!(serde_json::from_str::<Time>("\"yesterday\"").is_err());
}
