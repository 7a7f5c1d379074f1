//! `structure!` and `enumeration!`: declare a type of the API and its table in one text that reads like AWS's page.

/// Declares a structure: its type, its table, and its document in both directions.
///
/// ```text
/// structure! {
///     /// What it is for.
///     BufferingHints {
///         required { name: Type = "WireName" as SHAPE, }    // `Type`, an argument of `new`
///         expected { name: Type = "WireName", }             // the same, in responses; may be absent
///         optional { name: Type = "WireName", }             // `Option<Type>`
///     }
/// }
/// ```
///
/// Each part may be left out. Without `as`, the type supplies its shape. Absent members are not written. If a member
/// comes twice, the last one counts; `null` counts as absent; unknown members are kept.
macro_rules! structure {
    (
        $(#[$doc:meta])*
        $name:ident {
            $(required { $($(#[$rdoc:meta])* $required:ident: $rtype:ty = $rkey:literal $(as $rshape:expr)?,)+ })?
            $(expected { $($(#[$edoc:meta])* $expected:ident: $etype:ty = $ekey:literal $(as $eshape:expr)?,)+ })?
            $(optional { $($(#[$odoc:meta])* $optional:ident: $otype:ty = $okey:literal $(as $oshape:expr)?,)+ })?
        }
    ) => {
        $(#[$doc])*
        ///
        #[doc = concat!("See [`", stringify!($name), "`](https://docs.aws.amazon.com/firehose/latest/APIReference/API_", stringify!($name), ".html).")]
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            $($(
                #[doc = concat!("`", $rkey, "`. ")]
                $(#[$rdoc])*
                pub $required: $rtype,
            )+)?
            $($(
                #[doc = concat!("`", $ekey, "`. ")]
                $(#[$edoc])*
                pub $expected: $etype,
            )+)?
            $($(
                #[doc = concat!("`", $okey, "`. ")]
                $(#[$odoc])*
                pub $optional: Option<$otype>,
            )+)?
            /// Members that this version does not know, unchanged; they are written back.
            pub unknown: $crate::json::UnknownMembers,
        }

        impl $name {
            $crate::schema::declare::constructor! {
                [$($($required: $rtype,)+)? $($($expected: $etype,)+)?] [$($($optional,)+)?]
            }

            $($(
                #[doc = concat!("Sets `", $okey, "`.")]
                #[must_use]
                pub fn $optional(mut self, value: impl Into<$otype>) -> Self {
                    self.$optional = Some(value.into());
                    self
                }
            )+)?
        }

        impl $crate::schema::Document for $name {
            const STRUCTURE: &'static $crate::schema::Structure = &$crate::schema::Structure::new(stringify!($name), &[
                $($($crate::schema::Member::required($rkey, $crate::schema::declare::shape!($rtype $(, $rshape)?)),)+)?
                $($($crate::schema::Member::required($ekey, $crate::schema::declare::shape!($etype $(, $eshape)?)),)+)?
                $($($crate::schema::Member::optional($okey, $crate::schema::declare::shape!($otype $(, $oshape)?)),)+)?
            ]);
        }

        impl $crate::schema::Shaped for $name {
            const SHAPE: $crate::schema::Shape =
                $crate::schema::Shape::Structure(<Self as $crate::schema::Document>::STRUCTURE);
        }

        impl $crate::schema::Absent for $name {
            fn absent() -> Self {
                Self {
                    $($($required: $crate::schema::Absent::absent(),)+)?
                    $($($expected: $crate::schema::Absent::absent(),)+)?
                    $($($optional: None,)+)?
                    unknown: $crate::json::UnknownMembers::default(),
                }
            }

            fn is_absent(&self) -> bool {
                // If AWS requires no member, an empty object may have been sent.
                let members = <Self as $crate::schema::Document>::STRUCTURE.members;
                members.iter().any(|member| member.is_required) && *self == Self::absent()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                let mut map = serializer.serialize_map(None)?;
                $($(map.serialize_entry($rkey, &self.$required)?;)+)?
                $($(
                    if !$crate::schema::Absent::is_absent(&self.$expected) {
                        map.serialize_entry($ekey, &self.$expected)?;
                    }
                )+)?
                $($(
                    if let Some(value) = &self.$optional {
                        map.serialize_entry($okey, value)?;
                    }
                )+)?
                self.unknown.write(&mut map)?;
                map.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Reader;
                impl<'de> serde::de::Visitor<'de> for Reader {
                    type Value = $name;

                    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                        f.write_str(concat!("an object, ", stringify!($name)))
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        $($(let mut $required: Option<$rtype> = None;)+)?
                        $($(let mut $expected: Option<$etype> = None;)+)?
                        $($(let mut $optional: Option<$otype> = None;)+)?
                        let mut unknown = $crate::json::UnknownMembers::default();
                        while let Some(key) = map.next_key::<$crate::json::Text<'de>>()? {
                            match &*key.0 {
                                $($($rkey => $required = map.next_value()?,)+)?
                                $($($ekey => $expected = map.next_value()?,)+)?
                                $($($okey => $optional = map.next_value()?,)+)?
                                other => unknown.read(other, &mut map)?,
                            }
                        }
                        Ok($name {
                            $($($required: $required.ok_or_else(|| serde::de::Error::missing_field($rkey))?,)+)?
                            $($($expected: $expected.unwrap_or_else($crate::schema::Absent::absent),)+)?
                            $($($optional,)+)?
                            unknown,
                        })
                    }
                }
                deserializer.deserialize_map(Reader)
            }
        }
    };
}
pub(crate) use structure;

/// `new`, and `Default` if nothing is required.
macro_rules! constructor {
    ([] [$($optional:ident,)*]) => {
        /// A value without members.
        #[must_use]
        #[expect(clippy::new_without_default, reason = "one way to make one, whatever is required")]
        pub fn new() -> Self {
            Self { $($optional: None,)* unknown: $crate::json::UnknownMembers::default() }
        }
    };
    ([$($required:ident: $type:ty,)+] [$($optional:ident,)*]) => {
        /// A value with the members that AWS requires.
        pub fn new($($required: impl Into<$type>),+) -> Self {
            Self {
                $($required: $required.into(),)+
                $($optional: None,)*
                unknown: $crate::json::UnknownMembers::default(),
            }
        }
    };
}
pub(crate) use constructor;

/// The shape given, or else the type's own.
macro_rules! shape {
    ($type:ty, $shape:expr) => {
        $shape
    };
    ($type:ty) => {
        <$type as $crate::schema::Shaped>::SHAPE
    };
}
pub(crate) use shape;

/// Declares an enum: its values as AWS spells them, and a variant for unknown ones.
macro_rules! enumeration {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`. ")] $(#[$vdoc])* $variant,)+
            /// Any other value, unchanged.
            Unknown(alloc::string::String),
        }

        impl $name {
            /// The values as AWS spells them.
            pub const VALUES: &'static [&'static str] = &[$($text,)+];

            /// Reads a value as AWS spells it.
            #[must_use]
            pub fn parse(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    other => Self::Unknown(other.into()),
                }
            }

            /// The value as AWS spells it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Unknown(text) => text,
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::schema::Shaped for $name {
            const SHAPE: $crate::schema::Shape = $crate::schema::Shape::Enum(Self::VALUES);
        }

        impl $crate::schema::Absent for $name {
            fn absent() -> Self {
                Self::Unknown(alloc::string::String::new())
            }

            fn is_absent(&self) -> bool {
                self.as_str().is_empty()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <$crate::json::Text<'de> as serde::Deserialize<'de>>::deserialize(deserializer).map(|text| Self::parse(&text.0))
            }
        }
    };
}
pub(crate) use enumeration;
