//! The `jenkins-trigger` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    jenkins_trigger::cli::main()
}
