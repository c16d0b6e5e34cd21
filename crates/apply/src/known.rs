//! What was applied and verified before, so that it need not be asked again.

use std::collections::BTreeMap;

use manifest::{Object, ObjectId};
use sha2::{Digest, Sha256};

/// An object as it was last applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownObject {
    /// SHA-256 of the object as it was rendered.
    pub(crate) digest: [u8; 32],
    /// Its resource version when it was last as wanted.
    pub(crate) resource_version: String,
}

/// The objects of one set as they were last applied. Lives as long as the process; losing it costs
/// requests, nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    objects: BTreeMap<ObjectId, KnownObject>,
}

impl Known {
    pub(crate) fn get(&self, id: &ObjectId) -> Option<&KnownObject> {
        self.objects.get(id)
    }

    pub(crate) fn insert(&mut self, id: &ObjectId, object: &Object, resource_version: String) {
        let known = KnownObject { digest: digest(object), resource_version };
        self.objects.insert(id.clone(), known);
    }

    pub(crate) fn remove(&mut self, id: &ObjectId) {
        self.objects.remove(id);
    }

    /// Forgets what is no longer part of the set.
    pub fn retain(&mut self, keep: impl Fn(&ObjectId) -> bool) {
        self.objects.retain(|id, _| keep(id));
    }

    /// Forgets everything: the next apply asks the server about each object.
    pub fn clear(&mut self) {
        self.objects.clear();
    }
}

/// The digest of an object as rendered.
pub(crate) fn digest(object: &Object) -> [u8; 32] {
    Sha256::digest(object.as_value().to_string().as_bytes()).into()
}
