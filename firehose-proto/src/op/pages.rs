//! [`Paginated`]: the operations that list page by page, and where the next page begins.

use alloc::string::String;
use alloc::vec::Vec;

use super::describe_delivery_stream::{
    DescribeDeliveryStream, DescribeDeliveryStreamInput, DescribeDeliveryStreamOutput,
};
use super::list_delivery_streams::{ListDeliveryStreams, ListDeliveryStreamsInput, ListDeliveryStreamsOutput};
use super::list_tags_for_delivery_stream::{
    ListTagsForDeliveryStream, ListTagsForDeliveryStreamInput, ListTagsForDeliveryStreamOutput,
};
use super::{MalformedResponse, Operation};
use crate::model::stream::DestinationDescription;
use crate::model::tag::Tag;

/// An operation that lists page by page.
///
/// ```
/// use firehose_proto::op::{ListDeliveryStreams, ListDeliveryStreamsInput, ListDeliveryStreamsOutput, Paginated};
///
/// let mut input = ListDeliveryStreamsInput::new();
/// let page = ListDeliveryStreamsOutput::new(["a".into(), "b".into()], true);
/// let (names, has_more) = ListDeliveryStreams::next_page(&mut input, page)?;
/// assert_eq!((names.len(), has_more), (2, true));
/// assert_eq!(input.exclusive_start_delivery_stream_name.as_deref(), Some("b"));
/// # Ok::<(), firehose_proto::error::MalformedResponse>(())
/// ```
pub trait Paginated: Operation {
    /// The type of the listed items.
    type Item;

    /// Takes the items out of a page, and says whether there are more.
    fn items(output: Self::Output<'_>) -> (Vec<Self::Item>, bool);

    /// The key that items are listed by.
    fn key(item: &Self::Item) -> &str;

    /// The key after which the input's page begins.
    fn exclusive_start<'a>(input: &'a mut Self::Input<'_>) -> &'a mut Option<String>;

    /// Takes the items out of a page, says whether there are more, and moves the input to the next page.
    ///
    /// # Errors
    ///
    /// [`MalformedResponse::EndlessPages`] when there should be more, but the next page would be the same one.
    fn next_page(
        input: &mut Self::Input<'_>,
        output: Self::Output<'_>,
    ) -> Result<(Vec<Self::Item>, bool), MalformedResponse> {
        let (items, has_more) = Self::items(output);
        let last = items.last().map(|item| String::from(Self::key(item)));
        let start = Self::exclusive_start(input);
        if has_more && (last.is_none() || *start == last) {
            return Err(MalformedResponse::EndlessPages);
        }
        *start = last;
        Ok((items, has_more))
    }
}

impl Paginated for ListDeliveryStreams {
    type Item = String;

    fn items(output: ListDeliveryStreamsOutput) -> (Vec<String>, bool) {
        (output.delivery_stream_names, output.has_more_delivery_streams)
    }

    fn key(name: &String) -> &str {
        name
    }

    fn exclusive_start(input: &mut ListDeliveryStreamsInput) -> &mut Option<String> {
        &mut input.exclusive_start_delivery_stream_name
    }
}

impl Paginated for ListTagsForDeliveryStream {
    type Item = Tag;

    fn items(output: ListTagsForDeliveryStreamOutput) -> (Vec<Tag>, bool) {
        (output.tags, output.has_more_tags)
    }

    fn key(tag: &Tag) -> &str {
        &tag.key
    }

    fn exclusive_start(input: &mut ListTagsForDeliveryStreamInput) -> &mut Option<String> {
        &mut input.exclusive_start_tag_key
    }
}

impl Paginated for DescribeDeliveryStream {
    type Item = DestinationDescription;

    fn items(output: DescribeDeliveryStreamOutput) -> (Vec<DestinationDescription>, bool) {
        let description = output.delivery_stream_description;
        (description.destinations, description.has_more_destinations)
    }

    fn key(destination: &DestinationDescription) -> &str {
        &destination.destination_id
    }

    fn exclusive_start(input: &mut DescribeDeliveryStreamInput) -> &mut Option<String> {
        &mut input.exclusive_start_destination_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_pages_that_would_never_end() {
        for (start, page, has_more, expected) in [
            (None, &["a"][..], true, Ok(())),
            (Some("a"), &["b", "c"], true, Ok(())),
            (Some("a"), &["b", "a"], true, Err(MalformedResponse::EndlessPages)),
            (Some("a"), &[], true, Err(MalformedResponse::EndlessPages)),
            (Some("a"), &[], false, Ok(())),
            (Some("a"), &["a"], false, Ok(())),
        ] {
            let mut input = ListDeliveryStreamsInput::new();
            input.exclusive_start_delivery_stream_name = start.map(String::from);
            let names: Vec<String> = page.iter().copied().map(String::from).collect();
            let output = ListDeliveryStreamsOutput::new(names, has_more);
            let turned = ListDeliveryStreams::next_page(&mut input, output).map(drop);
            assert_eq!(turned, expected, "{start:?} {page:?} {has_more}");
        }
    }
}
