//! Logs as JSON lines with the keys that operators and `flux logs` know.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use thiserror::Error;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::clock::Clock;

/// `--log-level`: which lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogLevel {
    /// Everything, of libraries too.
    Trace,
    /// Decisions.
    Debug,
    /// Outcomes.
    Info,
    /// Failures only.
    Error,
}

/// `--log-encoding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogEncoding {
    /// One JSON object per line.
    Json,
    /// For people.
    Console,
}

/// Logging was set up before.
#[derive(Debug, Error)]
#[error("cannot set up logging")]
pub struct LogError(#[source] tracing_subscriber::util::TryInitError);

/// Sends this process' log lines to standard error.
///
/// # Errors
/// When another subscriber is in place.
pub fn init(level: LogLevel, encoding: LogEncoding, clock: Arc<dyn Clock>) -> Result<(), LogError> {
    let filter = filter_fn(move |metadata| is_wanted(level, metadata));
    let registry = tracing_subscriber::registry();
    let started = match encoding {
        LogEncoding::Json => {
            let write = |line: &str| std::io::stderr().lock().write_all(line.as_bytes());
            registry.with(JsonLines::new(clock, write).with_filter(filter)).try_init()
        }
        LogEncoding::Console => {
            let console = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
            registry.with(console.with_filter(filter)).try_init()
        }
    };
    started.map_err(LogError)
}

/// Our own lines by the level; those of libraries are quieter, they repeat what errors say.
fn is_wanted(level: LogLevel, metadata: &Metadata<'_>) -> bool {
    let library = ["hyper", "kube", "tower", "rustls", "reqwest", "h2", "gix"];
    let own = !library.iter().any(|name| metadata.target().starts_with(name));
    let limit = match (level, own) {
        (LogLevel::Trace, _) => Level::TRACE,
        (LogLevel::Debug, true) => Level::DEBUG,
        (LogLevel::Info, true) => Level::INFO,
        (LogLevel::Error, _) | (_, false) => Level::ERROR,
    };
    // Spans carry the names of what a line is about, so they are kept at every level.
    metadata.is_span() || *metadata.level() <= limit
}

/// Writes each event as a JSON line.
struct JsonLines<W> {
    clock: Arc<dyn Clock>,
    write: W,
}

impl<W: Fn(&str) -> std::io::Result<()>> JsonLines<W> {
    fn new(clock: Arc<dyn Clock>, write: W) -> Self {
        Self { clock, write }
    }
}

/// The fields of a span, kept with it.
struct Fields(Map<String, Value>);

/// The field of a line that holds an object: what was done, by object or by action.
const OUTPUT: &str = "output";

struct Collect<'a>(&'a mut Map<String, Value>);

impl Visit for Collect<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        // Fields of lines are flat; the one that tells what was done to which object holds JSON.
        let structured = (field.name() == OUTPUT).then(|| serde_json::from_str(value).ok());
        let value = structured.flatten().unwrap_or_else(|| Value::String(value.to_owned()));
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, json!(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, Value::String(crate::outcome::chain(value)));
    }
}

impl Collect<'_> {
    fn put(&mut self, field: &Field, value: Value) {
        let name = if field.name() == "message" { "msg" } else { field.name() };
        self.0.insert(name.to_owned(), value);
    }
}

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Fn(&str) -> std::io::Result<()> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Map::new();
        attributes.record(&mut Collect(&mut fields));
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Fields(fields));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(Fields(fields)) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(&mut Collect(fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut about = Map::new();
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(Fields(fields)) = span.extensions().get::<Fields>() {
                for (key, value) in fields {
                    about.entry(key.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        event.record(&mut Collect(&mut about));
        let line = line(*event.metadata().level(), &self.clock.now().to_string(), about);
        // There is nowhere left to say that standard error is closed.
        (self.write)(&line).ok();
    }
}

/// One line: level, time and message first, then what it is about, in the order of the names.
fn line(level: Level, time: &str, mut about: Map<String, Value>) -> String {
    let level = match level {
        Level::TRACE => "trace",
        Level::DEBUG => "debug",
        // The original knows no warnings; what they report is no failure of the process.
        Level::INFO | Level::WARN => "info",
        Level::ERROR => "error",
    };
    if let (Some(kind), Some(name), Some(namespace)) =
        (about.get("controllerKind"), about.get("name"), about.get("namespace"))
        && let Some(kind) = kind.as_str()
    {
        let object = json!({"name": name, "namespace": namespace});
        about.insert(kind.to_owned(), object);
    }
    let message = about.remove("msg").unwrap_or_else(|| json!(""));
    let mut text = format!("{{\"level\":\"{level}\",\"ts\":{},\"msg\":{message}", json!(time));
    let mut rest: Vec<(String, Value)> = about.into_iter().collect();
    rest.sort_by(|a, b| a.0.cmp(&b.0));
    for (key, value) in rest {
        text.push(',');
        text.push_str(&Value::String(key).to_string());
        text.push(':');
        text.push_str(&value.to_string());
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::clock::FixedClock;

    #[test]
    fn a_line_in_a_visit_names_the_object_in_every_form() {
        let lines: Arc<Mutex<String>> = Arc::default();
        let written = Arc::clone(&lines);
        let write = move |line: &str| {
            written.lock().unwrap().push_str(line);
            Ok(())
        };
        let clock = FixedClock { now: "2026-01-02T03:04:05.678Z".parse().unwrap(), chance: 0.5 };
        let layer = JsonLines::new(Arc::new(clock), write);
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!(
                "reconcile",
                controllerKind = "Kustomization",
                namespace = "apps",
                name = "podinfo",
                revision = tracing::field::Empty,
            );
            let _inside = span.enter();
            span.record("revision", "main@sha1:1");
            tracing::error!(error = "no", output = r#"{"A/b":"created"}"#, "failed \"badly\"");
        });
        assert_eq!(
            lines.lock().unwrap().as_str(),
            concat!(
                r#"{"level":"error","ts":"2026-01-02T03:04:05.678Z","msg":"failed \"badly\"","#,
                r#""Kustomization":{"name":"podinfo","namespace":"apps"},"controllerKind":"Kustomization","#,
                r#""error":"no","name":"podinfo","namespace":"apps","output":{"A/b":"created"},"#,
                r#""revision":"main@sha1:1"}"#,
                "\n"
            )
        );
    }
}
