//! The list of scenarios, and how each tier runs them.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use futures::stream::{self, StreamExt as _};
use testkit::ControlPlane;
use tests::{Cluster, World};

/// Scenarios at the same time on the real control plane.
const AT_ONCE: usize = 4;

/// A scenario: takes a world and asserts.
type Scenario = fn(World) -> LocalBoxFuture<'static, ()>;

macro_rules! scenarios {
    ($($module:ident :: { $($name:ident),* $(,)? }),* $(,)?) => {
        /// Every scenario with its name.
        const ALL: &[(&str, Scenario)] =
            &[$($((stringify!($name), |world| crate::$module::$name(world).boxed_local())),*),*];

        mod embedded {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let cluster = tests::Cluster::embedded().await.unwrap();
                    crate::$module::$name(tests::World::new(&cluster).await).await;
                }
            )*)*
        }
    };
}

scenarios! {
    lifecycle::{
        first_sync,
        new_commit_is_followed,
        removed_file_is_pruned,
        suspended_object_is_left_alone,
        requested_reconcile_is_answered,
        nothing_changed_writes_nothing,
    },
    applying::{
        drifted_field_is_put_right,
        deleted_object_is_created_again,
        immutable_field_needs_force,
        definition_and_its_object_in_one_commit,
        fields_of_others_are_kept,
        substitution_and_overrides_reach_the_cluster,
        generated_names_follow_their_content,
    },
    deleting::{
        mirror_prune_deletes,
        mirror_prune_without_prune_keeps,
        delete_policy_deletes_without_prune,
        wait_for_termination_waits,
        orphan_keeps,
        what_says_prune_disabled_stays,
        what_lost_our_labels_stays,
    },
    dependencies::{ dependents_wait_for_their_dependency, missing_source_is_waited_for, source_that_goes_is_named },
    health::{ failing_check_then_a_fix, named_check_waits_for_that_object_only },
    errors::{
        invalid_yaml,
        missing_path,
        path_outside_the_artifact,
        duplicate_objects,
        unknown_kind,
        unknown_field_of_a_kustomization_file,
        object_that_the_cluster_refuses,
    },
    install::{ installation_is_accepted, founding_examples_are_accepted },
    kubectl::{ kubectl_does_not_notice },
    releases::{ release_records_are_those_of_helm },
    artifacts::{ tampered_artifact_is_refused, hostile_archives_are_refused },
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn real() {
    let Some(tools) = ControlPlane::tools() else {
        println!(
            "skipped: no real control plane ($WEIR_TOOLS); cargo xtask test --real builds one"
        );
        return;
    };
    let cluster = Cluster::real(&tools).await.unwrap();
    let only = only();
    let wanted = |name: &str| only.as_deref().is_none_or(|part| name.contains(part));
    let chosen = ALL.iter().filter(|(name, _)| wanted(name));
    let runs = stream::iter(chosen).map(|(name, scenario)| {
        let cluster = cluster.clone();
        async move {
            let started = Instant::now();
            let done = AssertUnwindSafe(async { scenario(World::new(&cluster).await).await })
                .catch_unwind()
                .await;
            println!(
                "real {name}: {} in {:.1} s",
                if done.is_ok() { "ok" } else { "FAILED" },
                started.elapsed().as_secs_f32()
            );
            done.err().map(|_| *name)
        }
    });
    let failed: Vec<&str> =
        runs.buffer_unordered(AT_ONCE).filter_map(|name| async move { name }).collect().await;
    assert!(failed.is_empty(), "on the real API server these failed: {failed:?}");
    if only.is_some() {
        return;
    }
    crate::lifecycle::restarted_api_server_loses_nothing(World::new(&cluster).await).await;
    crate::processes::killed_controllers_lose_nothing(&cluster).await;
    crate::processes::one_of_two_leads(&cluster).await;
}

/// Part of the names of the scenarios that are wanted on the real API server, while one of them is worked on.
fn only() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a person says which scenarios they look at")]
    std::env::var("WEIR_SCENARIO").ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarted_api_server() {
    let cluster = Cluster::embedded().await.unwrap();
    crate::lifecycle::restarted_api_server_loses_nothing(World::new(&cluster).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_controllers() {
    crate::processes::killed_controllers_lose_nothing(&Cluster::embedded().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leadership() {
    crate::processes::one_of_two_leads(&Cluster::embedded().await.unwrap()).await;
}
