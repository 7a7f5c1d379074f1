//! `firehose completions` and `firehose man`: what a package of the program installs beside it, made from the definition of the
//! command line.

use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::args::{Cli, CompletionsArgs, ManArgs};
use crate::console::{self, Exit, Failure};

/// Prints a shell's script.
pub(crate) fn completions(args: &CompletionsArgs) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "firehose", &mut script);
    console::write(&script)
        .map_err(|error| Failure::new(Exit::Incomplete, format!("cannot write the script: {error}")))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a page for the program and one for each command.
pub(crate) fn man(args: &ManArgs) -> Result<ExitCode, Failure> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let write = || {
        fs::create_dir_all(&args.dir)?;
        write_page(&program, &args.dir)?;
        program.get_subcommands().try_for_each(|command| write_page(command, &args.dir))
    };
    write().map_err(|error| {
        Failure::new(Exit::Incomplete, format!("cannot write manual pages to {}: {error}", args.dir.display()))
    })?;
    Ok(ExitCode::SUCCESS)
}

fn write_page(command: &Command, dir: &Path) -> io::Result<()> {
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render(&mut page)?;
    // What follows the options is examples and tables: their lines are to stay as they are.
    let page = String::from_utf8_lossy(&page);
    let page = page.replacen(".SH EXTRA\n", ".SH NOTES\n.nf\n", 1).replacen(".SH VERSION\n", ".fi\n.SH VERSION\n", 1);
    fs::write(dir.join(man.get_filename()), page)
}
