//! What AWS says of the Firehose API, from the table that `interop/facts.py` makes out of botocore's model.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Map, Value};

static FACTS: LazyLock<Facts> = LazyLock::new(|| {
    Facts(
        serde_json::from_str(include_str!("data/firehose-api.json"))
            .expect("the table is JSON, as its script wrote it"),
    )
});

/// The table. Its getters panic when it lacks what is asked for: then either the table or the test is wrong.
#[derive(Debug)]
pub struct Facts(Value);

/// A member of a structure.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// Its name in documents.
    pub name: &'a str,
    /// The name of what may stand there: a structure, or a shape.
    pub shape: &'a str,
    /// Whether AWS requires it.
    pub is_required: bool,
}

impl Facts {
    /// The committed table.
    #[must_use]
    pub fn read() -> &'static Self {
        &FACTS
    }

    /// A fact about the API as a whole.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn api(&self, fact: &str) -> &str {
        self.part("api").get(fact).and_then(Value::as_str).unwrap_or_else(|| panic!("no {fact} of the API"))
    }

    /// The names in a part of the table: `operations`, `shapes`, `exceptions` or `structures`, the exceptions' included.
    pub fn names(&self, part: &str) -> impl Iterator<Item = &str> {
        self.part(part).keys().map(String::as_str)
    }

    /// The names of the structures that are in inputs and outputs.
    pub fn structures(&self) -> impl Iterator<Item = &str> {
        self.names("structures").filter(|name| !self.part("exceptions").contains_key(*name))
    }

    /// Whether a name is that of a structure.
    #[must_use]
    pub fn is_structure(&self, name: &str) -> bool {
        self.part("structures").contains_key(name)
    }

    /// What is told of an operation, a shape or an exception.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn entry(&self, part: &str, name: &str) -> &Map<String, Value> {
        self.part(part).get(name).and_then(Value::as_object).unwrap_or_else(|| panic!("no {name} among the {part}"))
    }

    /// A fact that is text.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn text<'a>(&'a self, part: &str, name: &str, fact: &str) -> &'a str {
        self.entry(part, name).get(fact).and_then(Value::as_str).unwrap_or_else(|| panic!("no {fact} of {name}"))
    }

    /// A fact that is a list of texts, none where it is not there; their order has no meaning.
    #[must_use]
    pub fn texts<'a>(&'a self, part: &str, name: &str, fact: &str) -> BTreeSet<&'a str> {
        let list = self.entry(part, name).get(fact).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The members of a structure.
    ///
    /// # Panics
    /// If there is no such structure.
    pub fn members<'a>(&'a self, structure: &str) -> impl Iterator<Item = Member<'a>> {
        self.entry("structures", structure).iter().map(|(name, facts)| Member {
            name,
            shape: facts.get("shape").and_then(Value::as_str).unwrap_or_else(|| panic!("no shape of {name}")),
            is_required: facts.get("required") == Some(&Value::Bool(true)),
        })
    }

    fn part(&self, name: &str) -> &Map<String, Value> {
        self.0.get(name).and_then(Value::as_object).unwrap_or_else(|| panic!("no {name} in the table"))
    }
}
