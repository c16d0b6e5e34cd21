//! Signatures: of the commit, of the tag, or of both.

use std::time::SystemTime;

use common::{
    api::source::GitRepository,
    condition::{self, ConditionType, Reason},
};
use git::{
    Commit,
    verify::{self, Keys, VerifyError},
};
use runtime::{Run, Stop, secrets};

use crate::git_repository::{
    plan::{Plan, Verification, mode_name},
    reconcile::trace,
};

/// Checks the signatures that the spec asks for, and says so in `SourceVerified`.
pub(in crate::git_repository) async fn signatures(
    run: &mut Run<GitRepository>,
    plan: &Plan,
    commit: &Commit,
) -> Result<(), Stop> {
    let Some(wanted) = &plan.verify else {
        run.note(|status| status.source_verification_mode = None);
        run.clear_condition(ConditionType::SourceVerified);
        return Ok(());
    };
    match check(run, wanted, commit).await {
        Ok(message) => {
            run.note(|status| {
                status.source_verification_mode = Some(mode_name(Some(&wanted.mode)));
            });
            run.condition(ConditionType::SourceVerified, true, Reason::Succeeded, &message);
            trace(run, Reason::Succeeded, &message);
            Ok(())
        }
        Err(stop) => {
            let (reason, message) = (reason_of(&stop), stop.message());
            run.condition(ConditionType::SourceVerified, false, reason, &message);
            Err(stop)
        }
    }
}

/// Forgets a verification that failed: it is made again. One that succeeded stands for what is in
/// storage.
pub(in crate::git_repository) fn forget_failure(run: &mut Run<GitRepository>) {
    if condition::is_false(&run.status().conditions, ConditionType::SourceVerified) {
        run.clear_condition(ConditionType::SourceVerified);
    }
}

async fn check(
    run: &Run<GitRepository>,
    wanted: &Verification,
    commit: &Commit,
) -> Result<String, Stop> {
    let place = (run.namespace(), wanted.secret.as_str());
    let secret = secrets::read(run.context().client(), place, Reason::VerificationError)
        .await
        .map_err(|stop| {
            Stop::retry(
                Reason::VerificationError,
                format!("public keys secret error: {}", stop.message()),
            )
        })?;
    let keys = Keys::from_secret(secret.entries());
    let now = SystemTime::from(run.context().clock().now());
    let mut verified = Vec::new();
    if wanted.of_tag() {
        verified.push(tag(commit, &keys, now)?);
    }
    if wanted.of_commit() {
        let signer = verify::commit(commit, &keys, now).map_err(|error| {
            let message =
                format!("signature verification of commit '{}' failed: {error}", commit.id);
            Stop::retry(reason(&error, Reason::InvalidCommitSignature), message)
        })?;
        verified.push(format!("\n\t- commit '{}' with key '{signer}'", commit.id));
    }
    Ok(format!("verified signature of{}", verified.concat()))
}

fn tag(commit: &Commit, keys: &Keys, now: SystemTime) -> Result<String, Stop> {
    let Some(tag) = &commit.tag else {
        let message = "cannot verify tag object's signature if a tag reference is not specified";
        return Err(Stop::stall(Reason::InvalidVerificationMode, message));
    };
    let name = tag.revision();
    if !tag.is_signed() {
        let message = format!("cannot verify signature of tag '{name}' since it is not signed");
        return Err(Stop::retry(Reason::InvalidGitObject, message));
    }
    let signer = verify::tag(tag, keys, now).map_err(|error| {
        let message = format!("signature verification of tag '{name}' failed: {error}");
        Stop::retry(reason(&error, Reason::InvalidTagSignature), message)
    })?;
    Ok(format!("\n\t- tag '{name}' with key '{signer}'"))
}

fn reason(error: &VerifyError, invalid: Reason) -> Reason {
    match error {
        VerifyError::Keys(_) => Reason::VerificationError,
        VerifyError::Unsigned(_) | VerifyError::Unsupported(_) | VerifyError::Untrusted(_) => {
            invalid
        }
    }
}

fn reason_of(stop: &Stop) -> Reason {
    match stop {
        Stop::Wait { reason, .. } | Stop::Retry { reason, .. } | Stop::Stall { reason, .. } => {
            *reason
        }
        Stop::Cancelled { .. } => Reason::VerificationError,
    }
}
