//! One-line documents as both of Go's dialects read them.

use super::{Case, Outcome};
use serde_json::Value;
use yaml::Rules;

pub(crate) fn run(case: &Case) -> Outcome {
    // Line breaks and tabs are spelled out in these files.
    let text = case.text("yaml").replace("\\n", "\n").replace("\\t", "\t");
    for (rules, member) in [(Rules::V2, "yaml_v2_json"), (Rules::V3, "yaml_v3_json")] {
        let expected = case.text(member);
        let got = yaml::to_json(&text, rules);
        let same = match (serde_json::from_str::<Value>(expected), &got) {
            (Ok(expected), Ok(got)) => expected == *got,
            (Err(_), Err(_)) => true,
            _ => false,
        };
        if !same {
            let got = got.map_or_else(|error| error.to_string(), |value| value.to_string());
            return Outcome::Failed(format!(
                "{text:?} by {rules:?}:\n  expected: {expected}\n  got:      {got}"
            ));
        }
    }
    Outcome::Passed
}
