//! [`UnknownMembers`]: members that a later version of the API has added to a structure.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de;
use serde::ser::SerializeMap;

use super::Value;

/// Members of an object that this version does not know, unchanged.
///
/// `Debug` shows only their names: a value may contain a secret.
#[derive(Clone, PartialEq, Default)]
pub struct UnknownMembers(Vec<(String, Value)>);

impl UnknownMembers {
    /// Whether there are none. That is so in every document of the API version that this crate knows.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their names, in the order of the document.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// Keeps the value of the member whose name was just read, and drops an earlier one of that name.
    pub(crate) fn read<'de, A: de::MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let value = map.next_value()?;
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.into(), value));
        Ok(())
    }

    pub(crate) fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.0.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))
    }
}

impl fmt::Debug for UnknownMembers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
