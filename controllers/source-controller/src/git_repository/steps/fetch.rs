//! The commit and its files.

use std::path::PathBuf;

use common::{api::source::GitRepository, condition::Reason};
use git::{CheckoutOptions, Commit, Error, Remote, Snapshot};
use runtime::{Run, Stop, chain};

use crate::{
    git_repository::{GitRepositoryController, plan::Plan},
    steps::storage,
};

/// What the remote has.
pub(in crate::git_repository) enum Found {
    /// The revision that is in storage already.
    Unchanged(String),
    /// A commit to store.
    New(Box<Source>),
}

/// A commit that is ready to be checked out.
pub(in crate::git_repository) struct Source(Snapshot);

impl Source {
    pub(in crate::git_repository) fn commit(&self) -> &Commit {
        self.0.commit()
    }
}

/// Asks the remote what the reference means, and fetches that unless it is `current`.
pub(in crate::git_repository) async fn snapshot(
    controller: &GitRepositoryController,
    run: &Run<GitRepository>,
    (plan, remote): (&Plan, Remote),
    current: Option<String>,
) -> Result<Found, Stop> {
    // A commit never means anything else, so the remote need not be asked.
    if let Some(fixed) =
        plan.reference.fixed_revision().filter(|fixed| current.as_ref() == Some(fixed))
    {
        return Ok(Found::Unchanged(fixed));
    }
    let store = controller.objects.of(&storage::key(run)?);
    let reference = plan.reference.clone();
    let work = run.blocking(move || -> Result<Found, Error> {
        let mut connection = remote.connect()?;
        let tip = connection.resolve(&reference)?;
        if current.as_ref() == Some(&tip.revision) {
            return Ok(Found::Unchanged(tip.revision));
        }
        let fetched = store.with(|path| connection.fetch(&tip, path))?;
        Ok(Found::New(Box::new(Source(fetched))))
    });
    work.await.map_err(|error| stop(run, plan, error))
}

/// Writes the commit's files to a directory that goes away with the visit.
pub(in crate::git_repository) async fn checkout(
    run: &mut Run<GitRepository>,
    source: Box<Source>,
    plan: &Plan,
) -> Result<PathBuf, Stop> {
    let into = run.scratch()?.join("files");
    let (options, target): (CheckoutOptions, PathBuf) = (plan.checkout.clone(), into.clone());
    let work = run.blocking(move || source.0.checkout(&target, &options));
    work.await.map_err(|error| stop(run, plan, error))?;
    Ok(into)
}

fn stop(run: &Run<GitRepository>, plan: &Plan, error: Error) -> Stop {
    let url = plan.url.to_string();
    let why = match error {
        Error::Cancelled => return Stop::Cancelled { by: run.cancel_cause(), message: None },
        Error::Empty { .. } => {
            let message = format!("git repository is empty: '{url}' has neither branches nor tags");
            return Stop::retry(Reason::EmptyGitRepository, message);
        }
        Error::TimedOut(_) => format!("{error}, which is spec.timeout"),
        other => chain(&other),
    };
    // Most errors name the repository themselves.
    let why = if why.contains(&url) { why } else { format!("unable to clone '{url}': {why}") };
    let message = format!("failed to checkout and determine revision: {why}");
    Stop::retry(Reason::GitOperationFailed, message)
}
