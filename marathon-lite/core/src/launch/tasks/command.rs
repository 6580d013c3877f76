//! What a task runs.

use crate::app::Artifact;
use proto_types::task::{Command, Uri};

/// The shell of images, which is not the image's entrypoint.
const SHELL: &str = "/bin/sh";

/// What an app or a container wants run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Run<'a> {
    /// A line for the shell.
    Line(&'a str),
    /// A program with its arguments; or with an image the arguments of its entrypoint. None: the image's own command.
    Arguments(&'a [String]),
}

/// As a process of the agent.
pub(super) fn process(run: Run<'_>) -> Command {
    match run {
        Run::Line(line) => Command { value: line.to_owned(), shell: true, ..Command::default() },
        Run::Arguments(arguments) => {
            let (program, rest) = arguments
                .split_first()
                .map_or((String::new(), Vec::new()), |(program, rest)| (program.clone(), rest.to_vec()));
            Command { value: program, arguments: rest, ..Command::default() }
        }
    }
}

/// In an image: the command, and what replaces the image's entrypoint. A line for the shell is read by a shell whatever
/// the entrypoint is, unless the user names another one.
pub(super) fn in_image(run: Run<'_>, entrypoint: Option<&str>) -> (Command, Option<Vec<String>>) {
    let arguments = |arguments: Vec<String>| Command { arguments, ..Command::default() };
    match run {
        Run::Line(line) => {
            let shell = entrypoint.filter(|program| !program.is_empty()).unwrap_or(SHELL);
            (arguments(vec!["-c".to_owned(), line.to_owned()]), Some(vec![shell.to_owned()]))
        }
        Run::Arguments(given) => match entrypoint {
            // An empty entrypoint means none: then the first argument is the program.
            Some("") => {
                let (program, rest) = given.split_at(given.len().min(1));
                (arguments(rest.to_vec()), Some(program.to_vec()).filter(|program| !program.is_empty()))
            }
            other => (arguments(given.to_vec()), other.map(|program| vec![program.to_owned()])),
        },
    }
}

/// What is fetched first.
pub(super) fn uris(artifacts: &[Artifact]) -> Vec<Uri> {
    let uri = |artifact: &Artifact| Uri {
        value: artifact.uri.clone(),
        extract: artifact.extract,
        executable: artifact.executable,
        cache: artifact.cache,
        output_file: artifact.dest_path.clone(),
        sha256: None,
    };
    artifacts.iter().map(uri).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text((command, entrypoint): (Command, Option<Vec<String>>)) -> String {
        let entrypoint = entrypoint.map_or("-".to_owned(), |entrypoint| entrypoint.join(" "));
        assert!(command.value.is_empty() && !command.shell);
        format!("{entrypoint} | {}", command.arguments.join(" "))
    }

    #[test]
    fn lines_are_read_by_a_shell_and_arguments_go_to_the_entrypoint() {
        let given = ["serve".to_owned(), "-p".to_owned()];
        assert_eq!(text(in_image(Run::Line("a b"), None)), "/bin/sh | -c a b");
        assert_eq!(text(in_image(Run::Line("a b"), Some("/bin/bash"))), "/bin/bash | -c a b");
        assert_eq!(text(in_image(Run::Line("a b"), Some(""))), "/bin/sh | -c a b");
        assert_eq!(text(in_image(Run::Arguments(&given), None)), "- | serve -p");
        assert_eq!(text(in_image(Run::Arguments(&given), Some("/x"))), "/x | serve -p");
        assert_eq!(text(in_image(Run::Arguments(&given), Some(""))), "serve | -p");
        assert_eq!(text(in_image(Run::Arguments(&[]), Some(""))), "- | ");
        let process = process(Run::Arguments(&given));
        assert_eq!((process.value.as_str(), process.shell, process.arguments), ("serve", false, vec!["-p".to_owned()]));
    }
}
