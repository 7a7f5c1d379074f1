//! The command line: what may be said on it, and what it means.

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
Exit status, of which the help of each command says more:
  0  all went well
  1  no answer, or not everything was done
  2  the command line cannot be followed; nothing was sent
  3  configuration or credentials are missing or wrong
  4  the service refused the call
  130  interrupted twice";

const LOGGING: &str = "\
Diagnostics on standard error, by the environment variable RUST_LOG:
  error, warn  what goes wrong without ending the command; `warn` is the default, `off` shows nothing
  info, debug  and each attempt at a call, where credentials come from, and how connections are made; never the
               secrets and the records. `firehose_blocking=debug` leaves other libraries' messages out";

const PUT_EXIT_STATUS: &str = "\
Exit status:
  0  every record was accepted
  1  some records were not accepted, or some input could not be read
  2  the command line cannot be followed; nothing was sent
  3  configuration or credentials are missing or wrong
  4  the service refused the call
  130  interrupted twice: some records may have no known outcome";

const CHECK_EXIT_STATUS: &str = "\
Exit status, which is that of a put now:
  0  nothing speaks against it
  1  no connection, or an answer that makes no sense
  2  the command line cannot be followed
  3  configuration or credentials are missing or wrong
  4  the service would refuse it: the credentials, the permission, or the stream";

const CONFIG_EXIT_STATUS: &str = "\
Exit status:
  0  there are an endpoint and credentials
  1  the settings could not be written
  2  the command line cannot be followed
  3  configuration or credentials are missing or wrong";

const LOCAL_EXIT_STATUS: &str = "\
Exit status:
  0  it served until it was interrupted or terminated
  1  it could not say where it listens
  2  the command line cannot be followed
  3  the directory, the keys or the address cannot be used";

const CALL_EXIT_STATUS: &str = "\
Exit status:
  0  the service did it; with --dry-run or --skeleton, what was asked for was printed
  1  no answer, one that makes no sense, or records of a batch that were not accepted
  2  the command line cannot be followed, or the input is not valid; nothing was sent
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
Faults, of which a call meets one at most, each with its probability from 0 to 1:
  partial      some records of a put fail, the others are stored
  throttle     400 ThrottlingException, nothing stored
  http500      500 InternalFailure, nothing stored
  http503      503 ServiceUnavailableException, nothing stored
  cut_before   connection closed without an answer, nothing stored
  cut_after    connection closed without an answer, records stored
  truncate     connection closed within the answer, records stored
  malformed    200 with {} or a web page for a body, records stored
  wrong_count  200 with an entry too many or too few, records stored
and besides:
  throttle_records  probability of each record to fail by itself
  delay_ms          mean delay of an answer, at most 60000
  skew_s            seconds by which the endpoint's clock is ahead, or behind if negative
  seed              another number, another course of things; the same one, the same for each n-th call";

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
  2  the command line cannot be followed";

const CONFIG_EXAMPLE: &str = "\
Example:
  firehose config --profile production --output json";

/// Puts records into Amazon Data Firehose streams, and knows which of them arrived.
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
    /// Say whether a put into a stream would work, and what is in its way. Nothing is written.
    #[command(after_help = format!("{CHECK_EXAMPLE}\n\n{CHECK_EXIT_STATUS}\n\n{LOGGING}"))]
    Check(CheckArgs),
    /// Call any operation of the API, its input and output as JSON.
    #[command(after_help = format!("Operations:\n  {}\n\n{CALL_EXAMPLE}\n\n{CALL_EXIT_STATUS}\n\n{LOGGING}", operations::NAMES.join("\n  ")))]
    Call(CallArgs),
    /// Print every setting, and where it was found.
    #[command(after_help = format!("{CONFIG_EXAMPLE}\n\n{CONFIG_EXIT_STATUS}\n\n{LOGGING}"))]
    Config(ConfigArgs),
    /// Serve a Firehose on this machine that keeps what it accepts in files.
    #[command(after_help = format!("{FAULTS}\n\n{LOCAL_EXAMPLE}\n\n{LOCAL_EXIT_STATUS}\n\n{LOGGING}"))]
    Local(LocalArgs),
    /// Print the script that has a shell complete this program's arguments.
    #[command(after_help = format!("{COMPLETIONS_EXAMPLE}\n\n{FILES_EXIT_STATUS}"))]
    Completions(CompletionsArgs),
    /// Write the manual pages, one for each command, into a directory.
    #[command(after_help = format!("{MAN_EXAMPLE}\n\n{FILES_EXIT_STATUS}"))]
    Man(ManArgs),
}

/// Whose service it is, and where.
#[derive(Debug, Args)]
pub(crate) struct ServiceArgs {
    /// Profile of the shared AWS files [default: AWS_PROFILE, or `default`].
    #[arg(long)]
    pub(crate) profile: Option<String>,

    /// AWS region [default: AWS_REGION, AWS_DEFAULT_REGION, or the profile's].
    #[arg(long)]
    pub(crate) region: Option<String>,

    /// Another endpoint than the region's, such as http://127.0.0.1:4566.
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PutArgs {
    /// Name of the stream.
    #[arg(value_parser = stream_name)]
    pub(crate) stream: String,

    /// Files to read, one after the other; `-`, or none, is standard input. What gzip has compressed is decompressed.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) service: ServiceArgs,

    /// Deliver into this directory, through an endpoint of our own: no account, region or credentials needed.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["endpoint_url", "profile"])]
    pub(crate) local: Option<PathBuf>,

    /// What ends a record [default: \n]; may have \n \r \t \0 \\ and \xHH. It is part of the record.
    #[arg(long, value_name = "BYTES", value_parser = Delimiter::parse, conflicts_with = "whole_file", allow_hyphen_values = true)]
    pub(crate) delimiter: Option<Delimiter>,

    /// Send records without the newline, or other delimiter, that ends them. Nothing else is removed: for lines
    /// that end in CR LF, add --delimiter '\r\n'.
    #[arg(long, conflicts_with = "whole_file")]
    pub(crate) strip_newline: bool,

    /// Each file is one record, as it is.
    #[arg(long)]
    pub(crate) whole_file: bool,

    /// Go on reading the file as it grows, also when it is rotated: renamed and made anew, or copied and cut, and compressed
    /// by gzip. Waits for a file, credentials, a region, a stream or a permission that are not there yet, and for the service,
    /// and says so. With --spool, the next run goes on where this one ended, whatever ended it.
    #[arg(long, conflicts_with = "whole_file", requires = "files")]
    pub(crate) follow: bool,

    /// How long a log is read on after another one has taken its place, counted from its last change: not every writer turns
    /// to the new one at once.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds, requires = "follow")]
    pub(crate) rotate_wait: Duration,

    /// Longest to wait for records to be accepted once interrupted; those that are not by then are told, and kept in
    /// --rejects. With --spool they stay in the spool, and a second is enough.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) drain_timeout: Duration,

    /// Keep records in this directory until they are accepted. The next run that is given it sends what a crash or a
    /// stop has left there, before anything else.
    #[arg(long, value_name = "DIR")]
    pub(crate) spool: Option<PathBuf>,

    /// Send what is in the spool although it was meant for another stream, region or endpoint, and go on with --follow where
    /// the run for that one ended. Without it, a spool that has records for another is not touched.
    #[arg(long, requires = "spool")]
    pub(crate) spool_redirect: bool,

    /// Put several records, each with its delimiter, into one of the stream's: up to 100 KiB or 500 of them. Saves most
    /// of the cost of small records, which are billed as 5 KiB each; consumers have to split them.
    #[arg(long, conflicts_with_all = ["whole_file", "strip_newline"])]
    pub(crate) pack: bool,

    /// Longest that a record waits for others to share a request with, when the input is slow.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub(crate) linger: Duration,

    /// Stay below the stream's quotas: records, requests and bytes in a second, any of them, as in
    /// records=5000,requests=2000,bytes=5242880. A number alone means records.
    #[arg(long, value_name = "N|KEY=N,…", value_parser = rate)]
    pub(crate) rate: Option<Quotas>,

    /// Let no record be accepted before an earlier one. Takes a request for each record; use it with --pack.
    #[arg(long, conflicts_with = "max_in_flight")]
    pub(crate) strict_order: bool,

    /// Requests under way at the same time, 1 to 256. With 1, records are accepted in the order of the input,
    /// except those that have to be sent again.
    #[arg(long, value_name = "N", default_value = "4", value_parser = in_flight)]
    pub(crate) max_in_flight: NonZeroUsize,

    /// Write records that were not accepted to this file, one JSON object {"data": base64, "reason", "attempts"}
    /// a line. The file must be new or empty; with --follow, it is added to. --from-rejects sends them again.
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,

    /// Send the records of a file that --rejects has written, as they were. Those that are not accepted this time either
    /// go to a new --rejects file, with the attempts of all runs.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["files", "follow", "whole_file", "delimiter", "strip_newline"])]
    pub(crate) from_rejects: Option<PathBuf>,

    /// How to print the summary on standard output.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,

    /// Print a line of figures on standard error each time so many seconds have passed: records accepted, waiting, resent
    /// and rejected, bytes in the spool, and for how long the oldest record has been waiting. SIGUSR1 prints it at any time.
    #[arg(long, value_name = "SECONDS", value_parser = interval)]
    pub(crate) stats: Option<Duration>,

    /// Whether to show progress on standard error; auto means if that is a terminal.
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
    /// The operation in AWS's spelling, such as CreateDeliveryStream, or in its CLI's, create-delivery-stream.
    pub(crate) operation: String,

    /// The input as the AWS CLI's --cli-input-json takes it: JSON, @FILE, or - for standard input [default: {}].
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    pub(crate) input: Option<String>,

    /// Print a minimal valid input instead of calling: a file to begin with.
    #[arg(long, conflicts_with_all = ["input", "dry_run"])]
    pub(crate) skeleton: bool,

    /// With --skeleton, print every member that there is. Some exclude each other: leave one of those.
    #[arg(long, requires = "skeleton")]
    pub(crate) all: bool,

    /// Print the signed request instead of sending it. It is good for a few minutes, and has a session token in it if
    /// the credentials have one: treat it as a secret.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Do not hold the input to the API's limits and rules. Unknown and absent members, and values of a wrong type,
    /// are errors all the same, and so is what breaks the limits of the two puts.
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
    /// Where accepted records are kept: DIR/STREAM/YYYY/MM/DD/HH/ as in S3.
    #[arg(long)]
    pub(crate) dir: PathBuf,

    /// Address to listen on, such as 127.0.0.1:4573 or localhost:4573; with port 0, a free one is chosen and printed.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = address)]
    pub(crate) listen: SocketAddr,

    /// Refuse puts into streams that were not created and have no directory yet, instead of making it.
    #[arg(long)]
    pub(crate) no_auto_create: bool,

    /// How long a stream is CREATING before it is ACTIVE, DELETING before it is gone, and encryption ENABLING or DISABLING.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = whole_seconds)]
    pub(crate) creating_for: Duration,

    /// Have each record on the disk before it is acknowledged, so that even a loss of power loses none.
    #[arg(long)]
    pub(crate) fsync: bool,

    /// What to do wrong, and how often, as KEY=VALUE,…; see below.
    #[arg(long, value_name = "SPEC")]
    pub(crate) faults: Option<Faults>,

    /// Allow an address that other machines can reach. The connection is not encrypted; set AWS_ACCESS_KEY_ID and
    /// AWS_SECRET_ACCESS_KEY, for everybody knows the keys `test` and `test`.
    #[arg(long)]
    pub(crate) allow_remote: bool,

    /// Answer to this name as well, such as that of a container; may be given several times. Others than the address
    /// listened on and those of loopback are refused, so that no web page can write here under a name of its own.
    #[arg(long, value_name = "NAME")]
    pub(crate) allowed_host: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Whose script.
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Where to write firehose.1 and the others; made if it is not there.
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
