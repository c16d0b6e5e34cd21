//! JSON values as YAML, by the v2 and v3 encoders for plain Go values.

use super::scalar::{Analysis, Place};
use super::writer::{Dialect, Parent, Writer};
use crate::node::ScalarStyle;
use crate::number::{format_float, json_number};
use crate::order::sort_by_key;
use crate::resolve::{Resolved, Rules, is_base60, old_bool, resolve};
use serde_json::{Map, Number, Value};

/// Where go-yaml v2 folds long scalars.
const V2_WIDTH: usize = 80;
/// Keys longer than this, in bytes, are written after `? `.
const LONGEST_SIMPLE_KEY: usize = 128;

/// Writes a value byte for byte as `JSONToYAML` of sigs.k8s.io/yaml does, which is also how
/// kustomize prints its result and Helm's `toYaml` works: keys in go-yaml's natural order, two
/// columns a level, items of a sequence not indented, long scalars folded after column 80.
/// Ends in a line break.
pub fn from_json(value: &Value) -> String {
    let mut encoder = Encoder { writer: Writer::new(Dialect::V2, 2, V2_WIDTH) };
    encoder.document(value)
}

/// Writes a value as go-yaml v3's encoder does with `SetIndent(step)`: items of a sequence are
/// indented, nothing is folded, floats stay floats. This is Helm's `toYamlPretty` (with step 2).
/// Steps go-yaml does not take (below 2, above 9) mean 2.
pub fn from_json_indented(value: &Value, step: usize) -> String {
    let step = if (2..=9).contains(&step) { step } else { 2 };
    let mut encoder = Encoder { writer: Writer::new(Dialect::V3, step, usize::MAX) };
    encoder.document(value)
}

/// The style that [`from_json_indented`] gives a string that is a value of a field.
pub fn string_style(text: &str) -> ScalarStyle {
    let analysis = Analysis::of(text, Dialect::V3);
    analysis.choose(wished_style(text, Rules::V3), Place::default())
}

/// The style that a string would have if nothing in it ruled that out.
fn wished_style(text: &str, rules: Rules) -> ScalarStyle {
    if text.contains('\n') {
        ScalarStyle::Literal
    } else if reads_as_string(text, rules) {
        ScalarStyle::Plain
    } else {
        ScalarStyle::DoubleQuoted
    }
}

struct Encoder {
    writer: Writer,
}

impl Encoder {
    fn document(&mut self, value: &Value) -> String {
        self.value(value, None, Parent::Other, false);
        self.writer.indent(0);
        std::mem::take(&mut self.writer.out)
    }

    fn value(&mut self, value: &Value, indent: Option<usize>, parent: Parent, in_mapping: bool) {
        match value {
            Value::Null => self.literal_text("null", indent, parent),
            Value::Bool(true) => self.literal_text("true", indent, parent),
            Value::Bool(false) => self.literal_text("false", indent, parent),
            Value::Number(n) => {
                let text = self.number(n);
                self.literal_text(&text, indent, parent);
            }
            Value::String(text) => self.string(text, indent, parent),
            Value::Array(items) if items.is_empty() => self.empty("[", "]"),
            Value::Array(items) => self.sequence(items, indent, parent, in_mapping),
            Value::Object(map) if map.is_empty() => self.empty("{", "}"),
            Value::Object(map) => self.mapping(map, indent, parent),
        }
    }

    fn empty(&mut self, open: &str, close: &str) {
        self.writer.opening_indicator(open);
        self.writer.tight_indicator(close);
    }

    fn number(&self, n: &Number) -> String {
        if n.is_i64() || n.is_u64() {
            return n.to_string();
        }
        let Some(value) = n.as_f64() else {
            return n.to_string();
        };
        if self.writer.dialect == Dialect::V3 {
            return format_float(value);
        }
        // v2 gets here through JSON text, where `1.0` and `1e3` become integers.
        match json_number(value) {
            Some(n) if n.is_i64() || n.is_u64() => n.to_string(),
            _ => format_float(value),
        }
    }

    /// `null`, booleans and numbers, which are always plain.
    fn literal_text(&mut self, text: &str, indent: Option<usize>, parent: Parent) {
        let indent = self.scalar_indent(indent, parent);
        self.writer.scalar(text, ScalarStyle::Plain, indent, true);
    }

    fn string(&mut self, text: &str, indent: Option<usize>, parent: Parent) {
        let (style, _) = self.style(text, Place::default());
        let indent = self.scalar_indent(indent, parent);
        self.writer.scalar(text, style, indent, true);
    }

    fn scalar_indent(&self, indent: Option<usize>, parent: Parent) -> usize {
        let parent = if indent.is_none() { Parent::Flow } else { parent };
        self.writer.deeper(indent, parent)
    }

    /// The style of a string, and whether it can be a key on one line.
    fn style(&self, text: &str, place: Place) -> (ScalarStyle, bool) {
        let dialect = self.writer.dialect;
        let rules = if dialect == Dialect::V2 { Rules::V2 } else { Rules::V3 };
        let wished = wished_style(text, rules);
        let analysis = Analysis::of(text, dialect);
        let simple = !analysis.multiline() && text.len() <= LONGEST_SIMPLE_KEY;
        let place = Place { simple_key: place.simple_key && simple, ..place };
        (analysis.choose(wished, place), simple)
    }

    fn sequence(
        &mut self,
        items: &[Value],
        indent: Option<usize>,
        parent: Parent,
        in_mapping: bool,
    ) {
        let inner = match (self.writer.dialect, indent) {
            (Dialect::V2, Some(indent)) if in_mapping && !self.writer.indention => indent,
            _ => self.writer.deeper(indent, parent),
        };
        for item in items {
            self.writer.indent(inner);
            self.writer.block_indicator("-");
            self.value(item, Some(inner), Parent::BlockSequence, false);
        }
    }

    fn mapping(&mut self, map: &Map<String, Value>, indent: Option<usize>, parent: Parent) {
        let rules = if self.writer.dialect == Dialect::V2 { Rules::V2 } else { Rules::V3 };
        let inner = self.writer.deeper(indent, parent);
        let mut entries: Vec<(&str, &Value)> = map.iter().map(|(k, v)| (k.as_str(), v)).collect();
        sort_by_key(&mut entries, rules, |(key, _)| key);
        for (key, value) in entries {
            self.writer.indent(inner);
            self.key(key, inner);
            self.value(value, Some(inner), Parent::Other, true);
        }
    }

    fn key(&mut self, key: &str, indent: usize) {
        let (style, simple) = self.style(key, Place { simple_key: true, flow: false });
        let inner = self.writer.deeper(Some(indent), Parent::Other);
        if simple {
            self.writer.scalar(key, style, inner, false);
            self.writer.tight_indicator(":");
        } else {
            self.writer.block_indicator("?");
            self.writer.scalar(key, style, inner, true);
            self.writer.indent(indent);
            self.writer.block_indicator(":");
        }
    }
}

/// Whether a plain scalar with this text reads back as a string, for YAML 1.1 readers too.
pub(crate) fn reads_as_string(text: &str, rules: Rules) -> bool {
    matches!(resolve(text, rules), Resolved::Text) && !is_base60(text) && old_bool(text).is_none()
}
