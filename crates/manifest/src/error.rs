/// Why something is not a Kubernetes object, or cannot be changed as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    message: String,
    #[source]
    source: Option<yaml::Error>,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    pub(crate) fn yaml(message: impl Into<String>, source: yaml::Error) -> Self {
        Self { message: message.into(), source: Some(source) }
    }
}
