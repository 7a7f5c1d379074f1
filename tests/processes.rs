//! Programs that tests run beside themselves: Python with pinned packages, servers, and our own `firehose`.

use std::{
    env,
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    thread,
    time::Duration,
};

/// A directory of the running test's own under `tmp`, removed when dropped unless the test failed.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes the directory.
    ///
    /// `tmp` is the test's `CARGO_TARGET_TMPDIR`; the name tells one test of a binary from the others.
    ///
    /// # Errors
    /// Says which directory could not be made.
    pub fn new(tmp: &Path, name: &str) -> Result<Self, String> {
        let path = tmp.join(format!("{name}-{}", process::id()));
        fs::create_dir_all(&path).map_err(|error| format!("cannot make {}: {error}", path.display()))?;
        Ok(Self(path))
    }

    /// The directory's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !thread::panicking() {
            // Left-overs under `target` harm nobody.
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// A server on loopback that is stopped when dropped; if the test failed, what it printed is shown.
#[derive(Debug)]
pub struct Server {
    child: Child,
    log: PathBuf,
    url: String,
}

impl Server {
    /// Starts a server that finds itself a port, and waits until it prints its address.
    ///
    /// The address is the first `http://…` on a line that contains `sign`.
    ///
    /// # Errors
    /// Says what the server printed if it ends or says nothing for half a minute.
    pub fn start(command: &mut Command, sign: &str, log: &Path) -> Result<Self, String> {
        const PAUSE: Duration = Duration::from_millis(50);
        const TRIES: u32 = 600;

        let open = |error: io::Error| format!("cannot write {}: {error}", log.display());
        let stdout = File::create(log).map_err(open)?;
        let stderr = stdout.try_clone().map_err(open)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .map_err(|error| format!("cannot start {command:?}: {error}"))?;
        let mut server = Self { child, log: log.to_owned(), url: String::new() };
        for _ in 0..TRIES {
            if let Some(url) = address(&server.printed(), sign) {
                server.url = url;
                return Ok(server);
            }
            if !matches!(server.child.try_wait(), Ok(None)) {
                break;
            }
            thread::sleep(PAUSE);
        }
        Err(format!("{command:?} did not say where it listens:\n{}", server.printed()))
    }

    /// The address that it printed, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it printed so far.
    #[must_use]
    pub fn printed(&self) -> String {
        fs::read(&self.log).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let _ = writeln!(io::stderr(), "--- {}\n{}---", self.log.display(), self.printed());
        }
    }
}

fn address(printed: &str, sign: &str) -> Option<String> {
    // A line without its end may still be growing.
    let line = printed.split_inclusive('\n').find(|line| line.contains(sign) && line.ends_with('\n'))?;
    let url = line.get(line.find("http://")?..)?;
    Some(url.split_whitespace().next()?.trim_end_matches('/').to_owned())
}

/// Makes a Python environment with these packages under `tmp`, or finds it there; returns its interpreter.
///
/// The directory's name holds a hash of the requirements and of Python's version. It is built under another name and
/// then renamed, so whoever finds it finds all of it, however many processes build it at once. Run its packages as
/// modules (`python -m name`): the scripts in its `bin` still hold the first name.
///
/// # Errors
/// Says which step failed, and how.
pub fn python(tmp: &Path, requirements: &Path) -> Result<PathBuf, String> {
    let text =
        fs::read_to_string(requirements).map_err(|error| format!("cannot read {}: {error}", requirements.display()))?;
    let version = run(Command::new("python3").arg("--version"))?;
    let mut hasher = DefaultHasher::new();
    (&text, &version).hash(&mut hasher);
    let home = tmp.join(format!("python-{:016x}", hasher.finish()));
    let interpreter = home.join("bin/python");
    if interpreter.exists() {
        return Ok(interpreter);
    }

    let building = Scratch::new(tmp, &format!("python-{:016x}", hasher.finish()))?;
    run(Command::new("python3").args(["-m", "venv"]).arg(building.path()))?;
    run(Command::new(building.path().join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--requirement"])
        .arg(requirements))?;
    match fs::rename(building.path(), &home) {
        Ok(()) => Ok(interpreter),
        // Another process was faster: its environment is as good as this one.
        Err(_) if interpreter.exists() => Ok(interpreter),
        Err(error) => Err(format!("cannot make {}: {error}", home.display())),
    }
}

/// Builds the program `firehose` in the profile of the running test; returns its path.
///
/// # Errors
/// Says what cargo said.
pub fn firehose(tmp: &Path) -> Result<PathBuf, String> {
    let target = tmp.parent().ok_or("the tests' directory has no parent")?;
    let mut cargo = Command::new(env!("CARGO"));
    // Cargo describes the test's package to the test; ring's build script would take that for a change and build anew.
    for (name, _) in env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            cargo.env_remove(name);
        }
    }
    cargo.args(["build", "--quiet", "--package", "firehose-blocking", "--features", "cli", "--bin", "firehose"]);
    cargo.arg("--target-dir").arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
    let profile = if cfg!(debug_assertions) {
        "debug"
    } else {
        cargo.arg("--release");
        "release"
    };
    run(&mut cargo)?;
    Ok(target.join(profile).join("firehose"))
}

/// Runs a command to its end; returns what it printed.
///
/// # Errors
/// Says why it could not start, or what it printed if it failed.
pub fn run(command: &mut Command) -> Result<String, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {}: {error}", command.get_program().display()))?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        return Ok(stdout.into_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {}\n{stdout}{stderr}", output.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_read_from_a_whole_line() {
        for (printed, found) in [
            ("", None),
            ("listening on http://127.0.0.1:80", None),
            ("listening on http://127.0.0.1:8080\n", Some("http://127.0.0.1:8080")),
            ("see http://docs\nlistening on http://127.0.0.1:1/ (stop with ^C)\nmore\n", Some("http://127.0.0.1:1")),
            ("listening on a socket\n", None),
        ] {
            assert_eq!(address(printed, "listening on").as_deref(), found, "{printed:?}");
        }
    }
}
