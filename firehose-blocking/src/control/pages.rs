//! [`Pages`]: everything that an operation lists, page after page.

use std::fmt;
use std::vec;

use firehose_proto::call::{Error, decode};
use firehose_proto::op::{
    DescribeDeliveryStream, DescribeDeliveryStreamInput, ListDeliveryStreams, ListDeliveryStreamsInput,
    ListTagsForDeliveryStream, ListTagsForDeliveryStreamInput, Paginated,
};

use crate::client::Client;

impl Client {
    /// Iterates over the names of all matching streams, in alphabetic order. The input's limit is the page size.
    ///
    /// ```no_run
    /// use firehose_blocking::Client;
    /// use firehose_blocking::firehose_proto::op::ListDeliveryStreamsInput;
    ///
    /// let client = Client::builder().build()?;
    /// for name in client.delivery_streams(ListDeliveryStreamsInput::new()) {
    ///     println!("{}", name?);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn delivery_streams(&self, input: ListDeliveryStreamsInput) -> Pages<'_, ListDeliveryStreams> {
        Pages::new(self, input)
    }

    /// Iterates over all tags of a stream. The input's limit is the page size.
    pub fn tags(&self, input: ListTagsForDeliveryStreamInput) -> Pages<'_, ListTagsForDeliveryStream> {
        Pages::new(self, input)
    }

    /// Iterates over all destinations of a stream. The input's limit is the page size.
    pub fn destinations(&self, input: DescribeDeliveryStreamInput) -> Pages<'_, DescribeDeliveryStream> {
        Pages::new(self, input)
    }
}

/// Iterates over everything that an operation lists. Asks for each page when the iteration reaches it.
///
/// Ends after an error.
pub struct Pages<'a, O: Paginated> {
    client: &'a Client,
    /// Asks for the next page, if there is one.
    input: Option<O::Input<'static>>,
    items: vec::IntoIter<O::Item>,
}

impl<'a, O: Paginated> Pages<'a, O> {
    fn new(client: &'a Client, input: O::Input<'static>) -> Self {
        Self { client, input: Some(input), items: Vec::new().into_iter() }
    }

    /// Asks for a page, unless an earlier one failed.
    fn fetch(&mut self, mut input: O::Input<'static>) -> Result<(), Error> {
        let response = self.client.exchange::<O>(&input)?;
        let output = decode::<O>(&input, &response)?;
        let (items, has_more) = O::next_page(&mut input, output)?;
        self.items = items.into_iter();
        self.input = has_more.then_some(input);
        Ok(())
    }
}

impl<O: Paginated> Iterator for Pages<'_, O> {
    type Item = Result<O::Item, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.items.next() {
                return Some(Ok(item));
            }
            let input = self.input.take()?;
            if let Err(error) = self.fetch(input) {
                return Some(Err(error));
            }
        }
    }
}

impl<O: Paginated> fmt::Debug for Pages<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("operation", &O::NAME).finish_non_exhaustive()
    }
}
