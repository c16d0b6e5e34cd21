use std::collections::BTreeSet;

use super::*;

fn at(second: i64) -> Time {
    Time::from(jiff::Timestamp::from_second(second).unwrap())
}

fn ready(message: &str) -> Observation {
    Observation::is_true(ConditionType::Ready, Reason::Succeeded, message)
}

#[test]
fn transition_time_moves_with_the_state_only() {
    let mut conditions = Vec::new();
    assert!(set(&mut conditions, ready("one"), Some(1), at(1)));
    assert!(!set(&mut conditions, ready("one"), Some(1), at(2)));
    assert_eq!(conditions[0].last_transition_time, at(1));

    assert!(set(&mut conditions, ready("one"), Some(2), at(3)));
    assert_eq!(conditions[0].last_transition_time, at(1));
    assert_eq!(conditions[0].observed_generation, Some(2));

    assert!(set(&mut conditions, ready("two"), Some(2), at(4)));
    assert_eq!(conditions[0].last_transition_time, at(4));
    assert_eq!(conditions.len(), 1);
}

#[test]
fn stalled_reconciling_ready_come_first() {
    let mut conditions = Vec::new();
    for type_ in ConditionType::ALL {
        set(&mut conditions, Observation::unknown(*type_, Reason::Progressing, ""), None, at(1));
    }
    let types: Vec<&str> = conditions.iter().map(|c| c.type_.as_str()).collect();
    assert_eq!(types[..4], ["Stalled", "Reconciling", "Ready", "ArtifactInStorage"]);
    assert!(types[3..].is_sorted());
    assert!(remove(&mut conditions, ConditionType::Stalled));
    assert!(!remove(&mut conditions, ConditionType::Stalled));
    assert!(get(&conditions, ConditionType::Stalled).is_none());
}

#[test]
fn status_is_told_apart() {
    let mut conditions = Vec::new();
    set(&mut conditions, ready(""), None, at(1));
    assert!(is_true(&conditions, ConditionType::Ready));
    assert!(!is_false(&conditions, ConditionType::Ready));
    let failed = Observation::is_false(ConditionType::Ready, Reason::Failed, "");
    set(&mut conditions, failed, None, at(2));
    assert!(is_false(&conditions, ConditionType::Ready));
    assert!(!is_false(&conditions, ConditionType::Healthy));
}

#[test]
fn long_messages_are_cut_at_a_character() {
    let mut conditions = Vec::new();
    set(&mut conditions, ready(&"ä".repeat(20_000)), None, at(1));
    assert!(conditions[0].message.len() <= MAX_MESSAGE);
    assert!(conditions[0].message.ends_with("ä..."));
}

#[test]
fn every_name_is_distinct_and_reads_back() {
    let reasons: BTreeSet<&str> = Reason::ALL.iter().map(|r| r.as_str()).collect();
    assert_eq!(reasons.len(), Reason::ALL.len());
    for reason in Reason::ALL {
        assert_eq!(reason.as_str().parse(), Ok(*reason));
    }
    for type_ in ConditionType::ALL {
        assert_eq!(type_.as_str().parse(), Ok(*type_));
    }
    assert_eq!("Nonsense".parse::<Reason>(), Err(UnknownName("Nonsense".to_owned())));
}
