use crate::Error;
use std::fmt;
use std::str::FromStr;

/// The registry of a name that names none.
const DEFAULT_REGISTRY: &str = "docker.io";
/// The path of a name of one part on the default registry.
const LIBRARY: &str = "library";

/// A reference to a container image, `registry/repository:tag@digest`, as it is written: nothing is
/// filled in, so that it prints as it was read.
///
/// ```
/// let image: manifest::ImageRef = "ghcr.io/stefanprodan/podinfo:6.9.0".parse()?;
/// assert_eq!(image.with_tag("6.9.1").to_string(), "ghcr.io/stefanprodan/podinfo:6.9.1");
/// # Ok::<(), manifest::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageRef {
    /// Registry and repository as written.
    pub name: String,
    /// The tag, if there is one.
    pub tag: Option<String>,
    /// The digest with its algorithm (`sha256:…`), if there is one.
    pub digest: Option<String>,
}

impl ImageRef {
    /// The host of the registry, `docker.io` if the name has none. The first part of a name is a
    /// host if it holds a dot or a colon or is `localhost`.
    pub fn registry(&self) -> &str {
        self.host().map_or(DEFAULT_REGISTRY, |(host, _)| host)
    }

    /// The path below the registry; one-part names on `docker.io` lie in `library/`.
    pub fn repository(&self) -> String {
        match self.host() {
            Some((_, path)) => path.to_owned(),
            None if self.name.contains('/') => self.name.clone(),
            None => format!("{LIBRARY}/{}", self.name),
        }
    }

    fn host(&self) -> Option<(&str, &str)> {
        let (first, rest) = self.name.split_once('/')?;
        let is_host = first.contains(['.', ':']) || first == "localhost";
        is_host.then_some((first, rest))
    }

    /// The same image with another tag and no digest.
    #[must_use]
    pub fn with_tag(&self, tag: &str) -> Self {
        Self { name: self.name.clone(), tag: Some(tag.to_owned()), digest: None }
    }
}

impl FromStr for ImageRef {
    type Err = Error;

    /// Reads a reference. The tag is what follows the last colon behind the last slash.
    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed = || Error::new(format!("cannot read image reference {text:?}"));
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) if is_digest(digest) => (rest, Some(digest.to_owned())),
            Some(_) => return Err(malformed()),
            None => (text, None),
        };
        let last = rest.rfind('/').map_or(0, |at| at + 1);
        let (path, last) = rest.split_at_checked(last).ok_or_else(malformed)?;
        let (last, tag) = match last.split_once(':') {
            Some((last, tag)) if is_tag(tag) => (last, Some(tag.to_owned())),
            Some(_) => return Err(malformed()),
            None => (last, None),
        };
        let name = format!("{path}{last}");
        if name.split('/').any(str::is_empty) || !name.chars().all(is_name_char) {
            return Err(malformed());
        }
        Ok(Self { name, tag, digest })
    }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':')
}

fn is_tag(tag: &str) -> bool {
    const LONGEST: usize = 128;
    let starts_well = tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    starts_well
        && tag.len() <= LONGEST
        && tag.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

fn is_digest(digest: &str) -> bool {
    digest.split_once(':').is_some_and(|(algorithm, hex)| {
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '_' | '-');
        !algorithm.is_empty()
            && algorithm.chars().all(name)
            && !hex.is_empty()
            && hex.chars().all(|c| c.is_ascii_hexdigit())
    })
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}
