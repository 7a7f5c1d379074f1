//! The two puts as methods of [`Client`] and as the trait [`Firehose`], and the macro that declares operations so.

use firehose_proto::op::{
    PutRecord, PutRecordBatch, PutRecordBatchInput, PutRecordBatchOutput, PutRecordInput, PutRecordOutput,
};

use crate::client::Client;

/// Declares each operation once: as a method of the client, and as one of a trait.
macro_rules! operations {
    (
        $(#[$trait_doc:meta])*
        trait $trait:ident;
        $($(#[$doc:meta])* $method:ident: $operation:ident($input:ty) -> $output:ty $(, then $then:path)?;)+
    ) => {
        $(#[$trait_doc])*
        pub trait $trait {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                ///
                #[doc = concat!("[`Error`](crate::Error), as for [`Client::", stringify!($method), "`].")]
                fn $method(&self, input: &$input) -> Result<$output, firehose_proto::call::Error>;
            )+
        }

        impl $trait for Client {
            $(fn $method(&self, input: &$input) -> Result<$output, firehose_proto::call::Error> {
                Self::$method(self, input)
            })+
        }

        impl Client {
            $(
                $(#[$doc])*
                ///
                #[doc = concat!("See [`", stringify!($operation), "`] for its limits and an example.")]
                ///
                /// # Errors
                ///
                #[doc = concat!(
                    "[`Error`](crate::Error); the exceptions of the service are those of [`", stringify!($operation), "`] and the common ones."
                )]
                pub fn $method(&self, input: &$input) -> Result<$output, firehose_proto::call::Error> {
                    let response = self.exchange::<$operation>(input)?;
                    Ok(firehose_proto::call::decode::<$operation>(input, &response)$(.map($then))??)
                }
            )+
        }
    };
}
#[cfg(feature = "control")]
pub(crate) use operations;

operations! {
    /// The two puts as a trait, for applications whose tests put something else in place of [`Client`]; those that also
    /// make or change streams want [`FirehoseControl`](crate::FirehoseControl) as well.
    ///
    /// ```
    /// use firehose_blocking::{Error, Firehose, PutRecordInput, Record};
    ///
    /// fn greet(firehose: &dyn Firehose) -> Result<String, Error> {
    ///     let output = firehose.put_record(&PutRecordInput::new("greetings", Record::new(b"hello\n")))?;
    ///     Ok(output.record_id.into_owned())
    /// }
    /// ```
    trait Firehose;

    /// Puts one record of at most 1,024,000 bytes into a stream.
    put_record: PutRecord(PutRecordInput<'_>) -> PutRecordOutput<'static>, then PutRecordOutput::into_owned;
    /// Puts 1 to 500 records of together at most 4 MiB into a stream, some of which may fail: see
    /// [`failed_put_count`](PutRecordBatchOutput::failed_put_count). To send those again, use
    /// [`put_batch`](Client::put_batch).
    put_record_batch:
        PutRecordBatch(PutRecordBatchInput<'_>) -> PutRecordBatchOutput<'static>, then PutRecordBatchOutput::into_owned;
}
