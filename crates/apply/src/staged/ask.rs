//! Asking what applying an object would make of it, and deciding what that means. Nothing is written
//! but field ownership.

use std::collections::BTreeMap;

use futures::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};
use manifest::Object;
use serde_json::Value;

use super::{Live, Placed, Prior, Step, Work, is_skipped, version};
use crate::changes::Action;
use crate::control::{self, Mode};
use crate::discovery::Resource;
use crate::error::Error;
use crate::field::Field as _;
use crate::{drift, ignore, takeover};

impl Work<'_> {
    /// Reads the objects that may be there, by one list where there are several of a kind, and asks
    /// what applying would make of them.
    pub(super) async fn ask_all(
        &self,
        objects: &[Placed<'_>],
        indexes: &[usize],
    ) -> Result<BTreeMap<usize, Step>, Error> {
        let mut groups: BTreeMap<(&Resource, &str), Vec<(usize, &Object)>> = BTreeMap::new();
        for index in indexes {
            if let Some((object, resource)) = objects.get(*index) {
                let namespace = object.namespace().unwrap_or_default();
                groups.entry((resource, namespace)).or_default().push((*index, object));
            }
        }
        let mut steps = BTreeMap::new();
        for ((resource, namespace), members) in groups {
            let mut listed = BTreeMap::new();
            if members.len() > 1 && !self.options.selector.is_empty() {
                let items = self.cluster.list(resource, namespace, &self.options.selector).await?;
                let name = |item: &Value| item.at("metadata.name").as_str().map(str::to_owned);
                listed = items.into_iter().filter_map(|item| Some((name(&item)?, item))).collect();
            }
            let asked = members.into_iter().map(|(index, object)| {
                let live = listed.remove(object.name()).map(|item| resource.named(item));
                // Boxed here, where lifetimes are known, so that callers get a future that is Send.
                async move {
                    let live = match live {
                        Some(live) => Some(live),
                        None => self.cluster.get(resource, &object.id()).await?,
                    };
                    let live = live.map_or(Live::Absent, |live| Live::Is(Box::new(live)));
                    Ok::<_, Error>((index, self.ask(object, resource, live).await?))
                }
                .boxed()
            });
            let asked: Vec<_> = asked.collect();
            let mut asked = stream::iter(asked).buffered(self.cluster.concurrency());
            while let Some((index, step)) = asked.try_next().await? {
                steps.insert(index, step);
            }
        }
        Ok(steps)
    }

    /// Asks whether the server would take these objects, which are new or as we left them.
    pub(super) async fn try_all(
        &self,
        objects: &[Placed<'_>],
        priors: &[Prior],
        indexes: &[usize],
    ) -> Result<Vec<(usize, Step)>, Error> {
        let members = indexes.iter().filter_map(|index| {
            let (object, resource) = objects.get(*index)?;
            Some((*index, *object, resource, priors.get(*index)?))
        });
        let tried = members.map(|(index, object, resource, prior)| {
            async move {
                let step = match prior {
                    Prior::Outdated(version) => self.attempt(object, resource, version).await?,
                    _ => self.ask(object, resource, Live::Unknown).await?,
                };
                Ok((index, step))
            }
            .boxed()
        });
        let tried: Vec<_> = tried.collect();
        stream::iter(tried).buffered(self.cluster.concurrency()).try_collect().await
    }

    /// Whether the server would take a change of an object that is as we left it.
    async fn attempt(
        &self,
        object: &Object,
        resource: &Resource,
        version: &str,
    ) -> Result<Step, Error> {
        match self.cluster.apply(resource, object, true).await {
            Ok(_) => Ok(Step::Write {
                object: Box::new(object.clone()),
                before: Some(version.to_owned()),
            }),
            Err(error) => self.refused(object, resource, Live::Unknown, error).await,
        }
    }

    /// What applying would make of an object, and what that means.
    pub(super) async fn ask(
        &self,
        object: &Object,
        resource: &Resource,
        live: Live,
    ) -> Result<Step, Error> {
        let live = match live {
            Live::Is(mut live) => {
                if is_skipped(object, &live) {
                    return Ok(Step::Leave(Action::Skipped));
                }
                if self.options.migrate_api_version {
                    let operations = takeover::migration(&live, object.api_version());
                    if !operations.is_empty() {
                        *live = self.cluster.patch(resource, object, &operations).await?;
                    }
                }
                Live::Is(live)
            }
            other => other,
        };
        let wanted = match self.cluster.apply(resource, object, true).await {
            Ok(wanted) => wanted,
            Err(error) => return self.refused(object, resource, live, error).await,
        };
        let absent = || Step::Write { object: Box::new(object.clone()), before: None };
        if version(&wanted).is_empty() {
            return Ok(absent());
        }
        match live {
            Live::Is(live) => self.compare(object, resource, *live, wanted).await,
            Live::Absent | Live::Unknown => match self.cluster.get(resource, &object.id()).await? {
                Some(live) if is_skipped(object, &live) => Ok(Step::Leave(Action::Skipped)),
                Some(live) => self.compare(object, resource, live, wanted).await,
                // Gone between the dry run and the read.
                None => Ok(absent()),
            },
        }
    }

    /// What a refused dry run means: an object that wants to be left alone is, and one that may be
    /// made anew will be.
    pub(super) async fn refused(
        &self,
        object: &Object,
        resource: &Resource,
        live: Live,
        error: Error,
    ) -> Result<Step, Error> {
        let live = match live {
            Live::Is(live) => Some(*live),
            Live::Absent => None,
            // Should the look fail too, the first refusal is what counts.
            Live::Unknown => self.cluster.get(resource, &object.id()).await.unwrap_or(None),
        };
        match live {
            Some(live) if is_skipped(object, &live) => Ok(Step::Leave(Action::Skipped)),
            Some(live) if error.is_immutable() && self.may_recreate(object, &live) => {
                Ok(Step::Recreate(Box::new(live)))
            }
            _ => Err(error),
        }
    }

    fn may_recreate(&self, object: &Object, live: &Value) -> bool {
        let asks = |object: &Value| control::may_be_recreated(object);
        self.options.force || asks(object.as_value()) || asks(live)
    }

    /// Compares an object with what applying would make of it.
    async fn compare(
        &self,
        object: &Object,
        resource: &Resource,
        mut live: Value,
        mut wanted: Value,
    ) -> Result<Step, Error> {
        let mut changed = false;
        // As it would be: who set it on the object in the cluster is heard as well.
        if control::mode(&wanted) != Mode::Merge {
            let (manager, others) = (self.cluster.manager(), &self.options.override_managers);
            let operations = takeover::patch(&live, object.as_value(), manager, others);
            if !operations.is_empty() {
                changed = true;
                live = self.cluster.patch(resource, object, &operations).await?;
                // What the apply removes shows only now that its fields are ours.
                wanted = self.cluster.apply(resource, object, true).await?;
            }
        }
        let pointers = ignore::pointers(&self.options.ignore, object);
        if has_drifted(&live, wanted, &pointers) {
            let adjusted = ignore::adjusted(object, &live, &pointers, self.cluster.manager());
            let before = Some(version(&live).to_owned());
            Ok(Step::Write { object: Box::new(adjusted), before })
        } else {
            Ok(Step::Verified { version: version(&live).to_owned(), changed })
        }
    }
}

/// Whether the object drifted, the ignored fields aside.
fn has_drifted(live: &Value, mut wanted: Value, pointers: &[&str]) -> bool {
    if pointers.is_empty() {
        return drift::has_drifted(live, &wanted);
    }
    let mut live = live.clone();
    for pointer in pointers {
        ignore::remove(&mut live, pointer);
        ignore::remove(&mut wanted, pointer);
    }
    drift::has_drifted(&live, &wanted)
}
