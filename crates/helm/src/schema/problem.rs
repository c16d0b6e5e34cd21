//! What does not fit, as a tree of places and reasons.

/// One thing that does not fit a schema.
#[derive(Debug, Default)]
pub(super) struct Problem {
    /// The steps to the value.
    pub(super) path: Vec<String>,
    pub(super) reason: Reason,
    /// What lies behind it.
    pub(super) causes: Vec<Self>,
}

/// Why it does not fit.
#[derive(Debug, Default)]
pub(super) enum Reason {
    /// Several causes at one place.
    #[default]
    Group,
    /// What a reference leads to does not fit; not shown when it has but one cause.
    Reference,
    /// The words for it.
    Text(String),
}

impl Problem {
    /// The lines for what does not fit a whole document: one level deeper for each cause.
    pub(super) fn lines(self) -> String {
        let mut out = Vec::new();
        match self.reason {
            Reason::Group => self.causes.iter().for_each(|cause| cause.show(0, &mut out)),
            _ => self.show(0, &mut out),
        }
        out.join("\n")
    }

    fn show(&self, depth: usize, out: &mut Vec<String>) {
        let mut depth = depth;
        if !matches!(self.reason, Reason::Reference) || self.causes.len() != 1 {
            let text = match &self.reason {
                Reason::Text(text) => text.as_str(),
                Reason::Group | Reason::Reference => "validation failed",
            };
            let mut path = String::new();
            for step in &self.path {
                path.extend(["/", &escaped(step)]);
            }
            out.push(format!("{}- at {}: {text}", "  ".repeat(depth), quoted(&path)));
            depth += 1;
        }
        for cause in &self.causes {
            cause.show(depth, out);
        }
    }
}

fn escaped(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

/// A text in single quotes, escaped as Go does it.
pub(super) fn quoted(text: &str) -> String {
    let double = gotemplate::quote(text.as_bytes());
    let inner = double.strip_prefix('"').and_then(|inner| inner.strip_suffix('"'));
    let inner = inner.unwrap_or_default().replace("\\\"", "\"").replace('\'', "\\'");
    format!("'{inner}'")
}

/// Texts in single quotes, with commas between them.
pub(super) fn all_quoted<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    texts.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}

/// A whole number with commas between thousands, as messages show numbers.
pub(super) fn grouped(number: usize) -> String {
    thousands(&number.to_string())
}

/// Puts commas into the digits before the decimal point.
pub(super) fn thousands(number: &str) -> String {
    let (sign, rest) = match number.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", number),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, tail) = rest.split_at(end);
    let mut out = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + tail
}
