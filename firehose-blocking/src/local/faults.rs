//! [`Faults`]: which faults a local endpoint injects, and how often; [`FaultCounts`]: those it has injected.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// The longest mean delay.
const MAX_DELAY_MS: u32 = 60_000;

/// How far probabilities such as 0.1, which floating point rounds, may add up above 1.
const ROUNDING: f64 = 1e-9;

const PROBABILITY: &str = "a number from 0 to 1";

/// Declares the faults of which a call has at most one.
macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $fault:ident $key:ident,)+) => {
        /// The faults that a [`LocalEndpoint`](crate::LocalEndpoint) injects, to test how callers handle them.
        ///
        /// With the same settings, the n-th call has the same fault in every run, whatever it asks for and whoever
        /// makes it. Faults of records apply to PutRecord and PutRecordBatch, all others to every operation. A call
        /// with an error of its own, such as a wrong signature or a broken limit, is refused as usual, unless its fault
        /// precedes any look at the request.
        ///
        /// | key | answer | records stored |
        /// |---|---|---|
        /// | `partial` | 200; each record failed with a probability of 1/2, at least one | the others |
        /// | `throttle` | 400 `ThrottlingException` | no |
        /// | `http500` | 500 `InternalFailure` | no |
        /// | `http503` | 503 `ServiceUnavailableException` | no |
        /// | `cut_before` | none: the connection is closed | no |
        /// | `cut_after` | none: the connection is closed | yes |
        /// | `truncate` | the beginning, then the connection is closed | yes |
        /// | `malformed` | 200 with `{}` or a web page for a body | yes |
        /// | `wrong_count` | 200 with an entry too many or too few | yes |
        /// | `throttle_records` | 200; each record failed with this probability | the others |
        ///
        /// All probabilities except the last exclude each other and add up to at most 1; `throttle_records` is
        /// independent of them. A failed record has the code `ServiceUnavailableException`, or in a partial failure
        /// sometimes `InternalFailure`. If it is PutRecord's, the call is refused with that code and status 503 or 500.
        /// `delay_ms` is the mean delay, `skew_s` how far the endpoint's clock is ahead, and `seed` selects one of the
        /// possible runs.
        ///
        /// Settings are written `key=value`, separated by commas:
        ///
        /// ```
        /// use firehose_blocking::Faults;
        ///
        /// let mut faults: Faults = "partial=0.3,cut_after=0.02,delay_ms=20".parse()?;
        /// faults.seed = 7;
        /// assert_eq!(faults.to_string(), "partial=0.3,cut_after=0.02,delay_ms=20,seed=7");
        /// # Ok::<(), firehose_blocking::FaultsError>(())
        /// ```
        #[derive(Debug, Clone, Copy, Default, PartialEq)]
        #[non_exhaustive]
        pub struct Faults {
            $($(#[doc = $doc])+ pub $key: f64,)+
            /// Probability that a record fails as throttled, whatever the fault of the call.
            pub throttle_records: f64,
            /// Mean delay of an answer, in milliseconds; each delay is between zero and twice the mean.
            pub delay_ms: u32,
            /// How many seconds the endpoint's clock is ahead, or behind if negative. This clock checks signatures and
            /// dates answers; file names use the real one.
            pub skew_s: i32,
            /// Selects one of the possible runs.
            pub seed: u64,
        }

        /// The fault of a whole call.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Fault {
            $($fault,)+
        }

        /// How many faults a [`LocalEndpoint`](crate::LocalEndpoint) has injected.
        ///
        /// A fault that could not occur, such as a partial failure of a call without records, is not counted.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct FaultCounts {
            /// All calls, with and without faults.
            pub calls: u64,
            $(#[doc = concat!("Calls with the fault [`Faults::", stringify!($key), "`].")] pub $key: u64,)+
            /// Records that failed one by one, by [`Faults::partial`] and [`Faults::throttle_records`].
            pub failed_records: u64,
            /// Records that were stored although no answer confirmed it. A caller who sends unconfirmed records again
            /// stores these twice.
            pub unconfirmed_records: u64,
        }

        impl Fault {
            /// The key of its probability.
            pub(super) const fn key(self) -> &'static str {
                match self {
                    $(Self::$fault => stringify!($key),)+
                }
            }
        }

        impl Faults {
            /// Every fault and its probability.
            pub(super) fn probabilities(&self) -> impl Iterator<Item = (Fault, f64)> {
                [$((Fault::$fault, self.$key),)+].into_iter()
            }

            /// The field of a probability, by its key.
            fn probability(&mut self, key: &str) -> Option<&mut f64> {
                match key {
                    $(stringify!($key) => Some(&mut self.$key),)+
                    "throttle_records" => Some(&mut self.throttle_records),
                    _ => None,
                }
            }
        }

        impl FaultCounts {
            /// Counts a fault that occurred.
            pub(super) const fn count(&mut self, fault: Fault) {
                match fault {
                    $(Fault::$fault => self.$key += 1,)+
                }
            }

            fn by_key(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($key), self.$key),)+].into_iter()
            }
        }

        /// Every key, for the error about an unknown one.
        const KEYS: &str = concat!($(stringify!($key), ", ",)+ "throttle_records, delay_ms, skew_s and seed");
    };
}

faults! {
    /// Probability of a partial failure: each record fails with a probability of 1/2, and at least one does.
    Partial partial,
    /// Probability of a refusal with 400 `ThrottlingException`. Nothing is stored.
    Throttle throttle,
    /// Probability of a refusal with 500 `InternalFailure`. Nothing is stored.
    Http500 http500,
    /// Probability of a refusal with 503 `ServiceUnavailableException`, "Slow down.". Nothing is stored.
    Http503 http503,
    /// Probability that the connection is closed without an answer. Nothing is stored.
    CutBefore cut_before,
    /// Probability that the records are stored and the connection is closed without an answer.
    CutAfter cut_after,
    /// Probability that the records are stored and the connection is closed within the body of the answer.
    Truncate truncate,
    /// Probability that the records are stored and the answer is 200 with `{}` or a web page for a body.
    Malformed malformed,
    /// Probability that the records are stored and the answer to PutRecordBatch has an entry too many or too few.
    WrongCount wrong_count,
}

impl Faults {
    /// Checks that every value is in its range.
    pub(super) fn check(mut self) -> Result<(), FaultsError> {
        let keys = self.probabilities().map(|(fault, _)| fault.key()).chain(["throttle_records"]);
        for key in keys.collect::<Vec<_>>() {
            let probability = self.probability(key).copied().unwrap_or_default();
            if !(0.0..=1.0).contains(&probability) {
                return Err(FaultsError::value(key, probability, PROBABILITY));
            }
        }
        let sum: f64 = self.probabilities().map(|(_, probability)| probability).sum();
        if sum > 1.0 + ROUNDING {
            let given = self.probabilities().filter(|(_, probability)| *probability > 0.0);
            let given = given.map(|(fault, probability)| format!("{}={probability}", fault.key()));
            return Err(FaultsError::Sum { given: given.collect::<Vec<_>>().join(",") });
        }
        if self.delay_ms > MAX_DELAY_MS {
            return Err(FaultsError::value("delay_ms", self.delay_ms, "a whole number from 0 to 60000"));
        }
        Ok(())
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), FaultsError> {
        if let Some(probability) = self.probability(key) {
            return read(key, value, PROBABILITY, probability);
        }
        match key {
            "delay_ms" => read(key, value, "a whole number from 0 to 60000", &mut self.delay_ms),
            "skew_s" => read(key, value, "a whole number from -2147483648 to 2147483647", &mut self.skew_s),
            "seed" => read(key, value, "a whole number from 0 to 18446744073709551615", &mut self.seed),
            _ => Err(FaultsError::UnknownKey { key: key.into() }),
        }
    }
}

fn read<T: FromStr>(key: &str, value: &str, allowed: &'static str, place: &mut T) -> Result<(), FaultsError> {
    *place = value.parse().map_err(|_| FaultsError::value(key, value, allowed))?;
    Ok(())
}

impl FromStr for Faults {
    type Err = FaultsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut faults = Self::default();
        let mut seen = Vec::new();
        for setting in text.split(',') {
            let syntax = || FaultsError::Syntax { setting: setting.into() };
            let (key, value) = setting.split_once('=').ok_or_else(syntax)?;
            let (key, value) = (key.trim(), value.trim());
            if seen.contains(&key) {
                return Err(FaultsError::Repeated { key: key.into() });
            }
            faults.set(key, value)?;
            seen.push(key);
        }
        faults.check()?;
        Ok(faults)
    }
}

/// Writes what [`FromStr`] reads: all nonzero settings, and the seed.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let probabilities = self.probabilities().map(|(fault, probability)| (fault.key(), probability));
        for (key, probability) in probabilities.chain([("throttle_records", self.throttle_records)]) {
            if probability != 0.0 {
                write!(f, "{key}={probability},")?;
            }
        }
        if self.delay_ms != 0 {
            write!(f, "delay_ms={},", self.delay_ms)?;
        }
        if self.skew_s != 0 {
            write!(f, "skew_s={},", self.skew_s)?;
        }
        write!(f, "seed={}", self.seed)
    }
}

/// Writes all nonzero counts on one line.
impl fmt::Display for FaultCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls", self.calls)?;
        for (key, calls) in self.by_key().filter(|(_, calls)| *calls > 0) {
            write!(f, ", {key} {calls}")?;
        }
        let Self { failed_records, unconfirmed_records, .. } = self;
        write!(f, "; {failed_records} records failed, {unconfirmed_records} stored without confirmation")
    }
}

/// Why settings are invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultsError {
    /// A setting without `=`.
    Syntax {
        /// The setting.
        setting: String,
    },
    /// A setting with an unknown key.
    UnknownKey {
        /// The key.
        key: String,
    },
    /// A setting is given twice.
    Repeated {
        /// Its key.
        key: String,
    },
    /// A value of the wrong kind, or out of range.
    Value {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// The allowed values.
        allowed: &'static str,
    },
    /// Probabilities that add up to more than 1.
    Sum {
        /// The settings whose values add up to more than 1.
        given: String,
    },
}

impl FaultsError {
    fn value(key: &str, value: impl fmt::Display, allowed: &'static str) -> Self {
        Self::Value { key: key.into(), value: value.to_string(), allowed }
    }
}

impl fmt::Display for FaultsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { setting } => write!(f, "`{setting}` is not key=value; keys are {KEYS}"),
            Self::UnknownKey { key } => write!(f, "there is no fault `{key}`; keys are {KEYS}"),
            Self::Repeated { key } => write!(f, "{key} is given twice"),
            Self::Value { key, value, allowed } => write!(f, "{key}={value}: must be {allowed}"),
            Self::Sum { given } => {
                write!(f, "{given}: a call has at most one of these faults, so they must add up to at most 1")
            }
        }
    }
}

impl Error for FaultsError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_settings_or_says_what_is_wrong() {
        let example = "partial=0.3,throttle=0.1,http500=0.05,cut_before=0.02,cut_after=0.02,delay_ms=20,seed=7";
        for (text, written) in [
            (example, example),
            ("seed=0", "seed=0"),
            (" seed = 1 , partial = 1e-3 ", "partial=0.001,seed=1"),
            (
                "http503=0.25,truncate=.25,malformed=0.25,wrong_count=0.25,throttle_records=1",
                "http503=0.25,truncate=0.25,malformed=0.25,wrong_count=0.25,throttle_records=1,seed=0",
            ),
            (
                "partial=0.1,throttle=0.1,http500=0.1,http503=0.1,cut_before=0.1,cut_after=0.1,truncate=0.1,malformed=0.1,wrong_count=0.2",
                "partial=0.1,throttle=0.1,http500=0.1,http503=0.1,cut_before=0.1,cut_after=0.1,truncate=0.1,malformed=0.1,wrong_count=0.2,seed=0",
            ),
            ("skew_s=-3600,delay_ms=60000", "delay_ms=60000,skew_s=-3600,seed=0"),
        ] {
            assert_eq!(text.parse::<Faults>().map(|faults| faults.to_string()), Ok(written.into()), "{text}");
        }
        for (text, parts) in [
            ("", &["``", "key=value", "wrong_count"] as &[&str]),
            ("partial", &["`partial` is not key=value"]),
            ("partial=0.1,", &["`` is not key=value"]),
            ("http=1", &["`http`", "http500", "skew_s and seed"]),
            ("Partial=1", &["`Partial`"]),
            ("partial=0.1,partial=0.1", &["partial is given twice"]),
            ("partial=1.01", &["partial=1.01", "from 0 to 1"]),
            ("throttle_records=-0.1", &["throttle_records=-0.1", "from 0 to 1"]),
            ("cut_after=NaN", &["cut_after=NaN", "from 0 to 1"]),
            ("cut_after=inf", &["cut_after=inf", "from 0 to 1"]),
            ("truncate=often", &["truncate=often", "from 0 to 1"]),
            ("truncate=", &["truncate=:", "from 0 to 1"]),
            ("delay_ms=60001", &["delay_ms=60001", "from 0 to 60000"]),
            ("delay_ms=1.5", &["delay_ms=1.5", "whole number"]),
            ("skew_s=2147483648", &["skew_s=2147483648", "whole number"]),
            ("seed=-1", &["seed=-1", "whole number"]),
            ("partial=0.6,cut_after=0.5,seed=1", &["partial=0.6,cut_after=0.5:", "add up to at most 1"]),
        ] {
            let message = text.parse::<Faults>().unwrap_err().to_string();
            assert!(parts.iter().all(|part| message.contains(part)), "{text}: {message}");
        }
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(
            probabilities in proptest::array::uniform9(0.0..=1.0 / 9.0),
            throttle_records in 0.0..=1.0,
            delay_ms in 0..=MAX_DELAY_MS,
            skew_s: i32,
            seed: u64,
        ) {
            let mut faults = Faults { throttle_records, delay_ms, skew_s, seed, ..Faults::default() };
            let keys: Vec<_> = faults.probabilities().map(|(fault, _)| fault.key()).collect();
            for (key, probability) in keys.into_iter().zip(probabilities) {
                *faults.probability(key).unwrap() = probability;
            }
            prop_assert_eq!(faults.to_string().parse(), Ok(faults));
        }
    }
}
