//! The command line: its commands and options.

mod values;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use firehose_blocking::Faults;
use firehose_blocking::firehose_proto::batch::Quotas;

use self::values::{Delimiter, address, in_flight, interval, rate, seconds, stream_name, whole_seconds};
use crate::operations;
use crate::records::Framing;

const EXIT_STATUS: &str = "\
Exit status (the help of each command says more):
  0  success
  1  no answer, or not everything was done
  2  the command line is not valid; nothing was sent
  3  configuration or credentials are missing or wrong
  4  the service refused the call
  130  interrupted twice";

const LOGGING: &str = "\
The environment variable RUST_LOG sets what is logged on standard error:
  error, warn  problems that do not end the command; `warn` is the default, `off` logs nothing
  info, debug  also each attempt at a call, where credentials come from, and how connections are made, but never
               secrets or records. `firehose_blocking=debug` leaves out messages of other libraries";

const PUT_EXIT_STATUS: &str = "\
Exit status:
  0  every record was accepted
  1  some records were not accepted, or some input could not be read
  2  the command line is not valid; nothing was sent
  3  configuration or credentials are missing or wrong
  4  the service refused the call
  130  interrupted twice: some records may have no known outcome";

const CHECK_EXIT_STATUS: &str = "\
Exit status, the same that a put would have now:
  0  found nothing that would stop a put
  1  no connection, or an answer that makes no sense
  2  the command line is not valid
  3  configuration or credentials are missing or wrong
  4  the service would refuse the put because of the credentials, the permission or the stream";

const CONFIG_EXIT_STATUS: &str = "\
Exit status:
  0  an endpoint and credentials were found
  1  the settings could not be written
  2  the command line is not valid
  3  configuration or credentials are missing or wrong";

const LOCAL_EXIT_STATUS: &str = "\
Exit status:
  0  it served until it was interrupted or terminated
  1  it could not print its address
  2  the command line is not valid
  3  the directory, the keys or the address cannot be used";

const CALL_EXIT_STATUS: &str = "\
Exit status:
  0  the call succeeded; with --dry-run or --skeleton, the request or the input was printed
  1  no answer, one that makes no sense, or records of a batch that were not accepted
  2  the command line or the input is not valid; nothing was sent
  3  configuration or credentials are missing or wrong
  4  the service refused the call";

const PUT_EXAMPLE: &str = "\
Examples:
  firehose put my-stream --region eu-west-1 access.log --rejects rejects.jsonl
  journalctl -f | firehose put my-stream --spool /var/spool/firehose
  firehose put my-stream /var/log/access.log --follow --spool /var/spool/firehose
  firehose put demo --local ./delivered access.log";

const CALL_EXAMPLE: &str = "\
Examples:
  firehose call DescribeDeliveryStream --input '{\"DeliveryStreamName\": \"my-stream\"}'
  firehose call CreateDeliveryStream --skeleton > stream.json
  firehose call CreateDeliveryStream --input @stream.json --dry-run";

const CHECK_EXAMPLE: &str = "\
Examples:
  firehose check my-stream --region eu-west-1
  firehose check my-stream --profile production --output json";

const LOCAL_EXAMPLE: &str = "\
Examples:
  firehose local --dir ./delivered --listen 127.0.0.1:4573
  aws firehose put-record --endpoint-url http://127.0.0.1:4573 --delivery-stream-name demo --record Data=aGVsbG8=
  firehose local --dir ./delivered --faults partial=0.3,throttle=0.1,cut_after=0.02,delay_ms=20,seed=7";

const FAULTS: &str = "\
Faults. A call has at most one of these; give each a probability from 0 to 1:
  partial      some records of a put fail, the others are stored
  throttle     400 ThrottlingException, nothing stored
  http500      500 InternalFailure, nothing stored
  http503      503 ServiceUnavailableException, nothing stored
  cut_before   connection closed without an answer, nothing stored
  cut_after    connection closed without an answer, records stored
  truncate     connection closed within the answer, records stored
  malformed    200 with {} or a web page for a body, records stored
  wrong_count  200 with an entry too many or too few, records stored
In addition:
  throttle_records  probability that a record fails by itself
  delay_ms          mean delay of an answer, at most 60000
  skew_s            seconds by which the endpoint's clock is ahead, or behind if negative
  seed              start of the random numbers: with the same seed, each n-th call has the same fault";

const COMPLETIONS_EXAMPLE: &str = "\
Example:
  firehose completions bash > ~/.local/share/bash-completion/completions/firehose";

const MAN_EXAMPLE: &str = "\
Example:
  firehose man ~/.local/share/man/man1 && man firehose-put";

const FILES_EXIT_STATUS: &str = "\
Exit status:
  0  written
  1  could not be written
  2  the command line is not valid";

const CONFIG_EXAMPLE: &str = "\
Example:
  firehose config --profile production --output json";

/// Puts records into Amazon Data Firehose streams and reports which of them arrived.
#[derive(Debug, Parser)]
#[command(name = "firehose", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = format!("{EXIT_STATUS}\n\n{LOGGING}"))]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Put the records of files or of standard input into a stream.
    #[command(after_help = format!("{PUT_EXAMPLE}\n\n{PUT_EXIT_STATUS}\n\n{LOGGING}"))]
    Put(PutArgs),
    /// Check whether a put into a stream would work, and what would stop it. Writes nothing.
    #[command(after_help = format!("{CHECK_EXAMPLE}\n\n{CHECK_EXIT_STATUS}\n\n{LOGGING}"))]
    Check(CheckArgs),
    /// Call any operation of the API, with input and output as JSON.
    #[command(after_help = format!("Operations:\n  {}\n\n{CALL_EXAMPLE}\n\n{CALL_EXIT_STATUS}\n\n{LOGGING}", operations::NAMES.join("\n  ")))]
    Call(CallArgs),
    /// Print every setting and where it was found.
    #[command(after_help = format!("{CONFIG_EXAMPLE}\n\n{CONFIG_EXIT_STATUS}\n\n{LOGGING}"))]
    Config(ConfigArgs),
    /// Run a local Firehose endpoint that writes accepted records to files.
    #[command(after_help = format!("{FAULTS}\n\n{LOCAL_EXAMPLE}\n\n{LOCAL_EXIT_STATUS}\n\n{LOGGING}"))]
    Local(LocalArgs),
    /// Print a shell's completion script for this program.
    #[command(after_help = format!("{COMPLETIONS_EXAMPLE}\n\n{FILES_EXIT_STATUS}"))]
    Completions(CompletionsArgs),
    /// Write the manual pages, one for each command, into a directory.
    #[command(after_help = format!("{MAN_EXAMPLE}\n\n{FILES_EXIT_STATUS}"))]
    Man(ManArgs),
}

/// Which service to call, and as whom.
#[derive(Debug, Args)]
pub(crate) struct ServiceArgs {
    /// Profile of the shared AWS files [default: AWS_PROFILE, or `default`].
    #[arg(long)]
    pub(crate) profile: Option<String>,

    /// AWS region [default: AWS_REGION, AWS_DEFAULT_REGION, or the profile's].
    #[arg(long)]
    pub(crate) region: Option<String>,

    /// Endpoint to use instead of the region's, such as http://127.0.0.1:4566.
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PutArgs {
    /// Name of the stream.
    #[arg(value_parser = stream_name)]
    pub(crate) stream: String,

    /// Files to read, one after the other; `-`, or no file, means standard input. Gzip files are decompressed.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) service: ServiceArgs,

    /// Deliver into this directory, through a local endpoint. Needs no account, region or credentials.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["endpoint_url", "profile"])]
    pub(crate) local: Option<PathBuf>,

    /// Bytes that end a record [default: \n], with \n \r \t \0 \\ and \xHH as escapes. They are part of the record.
    #[arg(long, value_name = "BYTES", value_parser = Delimiter::parse, conflicts_with = "whole_file", allow_hyphen_values = true)]
    pub(crate) delimiter: Option<Delimiter>,

    /// Send records without the newline, or other delimiter, that ends them. Removes nothing else: for lines that end in
    /// CR LF, add --delimiter '\r\n'.
    #[arg(long, conflicts_with = "whole_file")]
    pub(crate) strip_newline: bool,

    /// Send each file as one record, unchanged.
    #[arg(long)]
    pub(crate) whole_file: bool,

    /// Keep reading the file as it grows, also when it is rotated: renamed and created again, or copied and truncated, and
    /// compressed by gzip. Waits for a file, credentials, a region, a stream or a permission that does not exist yet, and for
    /// the service, and says so. With --spool, the next run continues where this one ended, whatever ended it.
    #[arg(long, conflicts_with = "whole_file", requires = "files")]
    pub(crate) follow: bool,

    /// How long to keep reading a log after another one has replaced it, counted from its last change. Some writers switch to
    /// the new one late.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds, requires = "follow")]
    pub(crate) rotate_wait: Duration,

    /// Longest to wait for records to be accepted after an interrupt. The program then reports the others and writes them to
    /// --rejects. With --spool they stay in the spool, and it waits one second at most.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) drain_timeout: Duration,

    /// Keep records in this directory until they are accepted. The next run with this directory first sends what a crash or
    /// a stop left there.
    #[arg(long, value_name = "DIR")]
    pub(crate) spool: Option<PathBuf>,

    /// Send what is in the spool even if it was meant for another stream, region or endpoint; --follow then continues where
    /// the run for that one ended. Without this option, the program refuses a spool with records for another target.
    #[arg(long, requires = "spool")]
    pub(crate) spool_redirect: bool,

    /// Pack several records, each with its delimiter, into one record of the stream: up to 100 KiB or 500 records. Saves most
    /// of the cost of small records, which are billed as 5 KiB each. Consumers have to split them.
    #[arg(long, conflicts_with_all = ["whole_file", "strip_newline"])]
    pub(crate) pack: bool,

    /// Longest that a record waits for others to share a request with it, when the input is slow.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub(crate) linger: Duration,

    /// Stay below the stream's quotas of records, requests or bytes a second, such as
    /// records=5000,requests=2000,bytes=5242880. A number alone means records.
    #[arg(long, value_name = "N|KEY=N,…", value_parser = rate)]
    pub(crate) rate: Option<Quotas>,

    /// Never let a record be accepted before an earlier one. Needs a request for each record; use it with --pack.
    #[arg(long, conflicts_with = "max_in_flight")]
    pub(crate) strict_order: bool,

    /// Requests in flight at the same time, 1 to 256. With 1, records are accepted in the order of the input, except those
    /// that have to be sent again.
    #[arg(long, value_name = "N", default_value = "4", value_parser = in_flight)]
    pub(crate) max_in_flight: NonZeroUsize,

    /// Write records that were not accepted to this file, one JSON object {"data": base64, "reason", "attempts"}
    /// a line. The file must be new or empty; with --follow, it is added to. --from-rejects sends them again.
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,

    /// Send the records of a file that --rejects wrote, unchanged. Records that fail again go to a new --rejects file, with
    /// the attempts of all runs.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["files", "follow", "whole_file", "delimiter", "strip_newline"])]
    pub(crate) from_rejects: Option<PathBuf>,

    /// How to print the summary on standard output.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,

    /// Print a line of statistics on standard error at this interval: records accepted, waiting, resent and rejected, bytes in
    /// the spool, and how long the oldest record has been waiting. SIGUSR1 prints it at any time.
    #[arg(long, value_name = "SECONDS", value_parser = interval)]
    pub(crate) stats: Option<Duration>,

    /// Whether to show progress on standard error; auto shows it on a terminal.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) progress: When,
}

impl PutArgs {
    /// How the input is cut into records.
    pub(crate) fn framing(&self) -> Framing {
        if self.whole_file {
            return Framing::Whole;
        }
        Framing::Delimited { delimiter: self.delimiter().into(), is_stripped: self.strip_newline }
    }

    /// What ends a record.
    pub(crate) fn delimiter(&self) -> Vec<u8> {
        self.delimiter.as_ref().map_or_else(|| b"\n".to_vec(), |delimiter| delimiter.0.clone())
    }
}

#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// The operation as AWS spells it, such as CreateDeliveryStream, or as its CLI does, create-delivery-stream.
    pub(crate) operation: String,

    /// The input as the AWS CLI's --cli-input-json takes it: JSON, @FILE, or - for standard input [default: {}].
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    pub(crate) input: Option<String>,

    /// Print a minimal valid input, as a file to start from, instead of calling.
    #[arg(long, conflicts_with_all = ["input", "dry_run"])]
    pub(crate) skeleton: bool,

    /// With --skeleton, print every member. Some exclude each other: keep one of those.
    #[arg(long, requires = "skeleton")]
    pub(crate) all: bool,

    /// Print the signed request instead of sending it. It stays valid for a few minutes and contains the session token, if
    /// the credentials have one: treat it as a secret.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Do not check the input against the API's limits and rules. Unknown and missing members and values of a wrong type are
    /// still errors, and so is what breaks the limits of the two puts.
    #[arg(long)]
    pub(crate) no_validate: bool,

    #[command(flatten)]
    pub(crate) service: ServiceArgs,

    /// How to print the output, and an error on standard error: json means one object on one line.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct LocalArgs {
    /// Directory for accepted records: DIR/STREAM/YYYY/MM/DD/HH/, as in S3.
    #[arg(long)]
    pub(crate) dir: PathBuf,

    /// Address to listen on, such as 127.0.0.1:4573 or localhost:4573; with port 0, a free one is chosen and printed.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = address)]
    pub(crate) listen: SocketAddr,

    /// Refuse puts into streams that were not created and have no directory, instead of creating them.
    #[arg(long)]
    pub(crate) no_auto_create: bool,

    /// How long a stream stays CREATING or DELETING, and its encryption ENABLING or DISABLING.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = whole_seconds)]
    pub(crate) creating_for: Duration,

    /// Sync each record to the disk before acknowledging it, so that even a loss of power loses none.
    #[arg(long)]
    pub(crate) fsync: bool,

    /// Faults to inject and how often, as KEY=VALUE,…; see below.
    #[arg(long, value_name = "SPEC")]
    pub(crate) faults: Option<Faults>,

    /// Allow an address that other machines can reach. The connection is not encrypted. Set AWS_ACCESS_KEY_ID and
    /// AWS_SECRET_ACCESS_KEY, because everybody knows the default keys `test` and `test`.
    #[arg(long)]
    pub(crate) allow_remote: bool,

    /// Answer to this host name as well, such as that of a container; may be given several times. The endpoint refuses names
    /// other than its address and those of loopback, so that no web page can write here under a name of its own.
    #[arg(long, value_name = "NAME")]
    pub(crate) allowed_host: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Shell to print the script for.
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Directory for firehose.1 and the other pages; created if it does not exist.
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(flatten)]
    pub(crate) service: ServiceArgs,

    /// How to print the settings on standard output.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Name of the stream.
    #[arg(value_parser = stream_name)]
    pub(crate) stream: String,

    #[command(flatten)]
    pub(crate) service: ServiceArgs,

    /// How to print the report on standard output.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// Whether progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }
}
