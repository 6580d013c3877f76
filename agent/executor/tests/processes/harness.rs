//! What test runners ask of a program with tests, as far as they do: this one has a `main` of its own, because it is also
//! an executor and a launcher.

use std::process::ExitCode;

/// A test and its name.
pub(crate) type Test = (&'static str, fn());

/// Names tests that are asynchronous functions.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: &[crate::harness::Test] =
            &[$((stringify!($name), || crate::harness::block_on($name()))),*];
    };
}
pub(crate) use tests;

/// Runs a test's future on a runtime of its own.
pub(crate) fn block_on(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime can be made").block_on(test);
}

/// Options that are followed by a word of their own.
const WITH_VALUE: [&str; 5] = ["--format", "--test-threads", "--skip", "--color", "--logfile"];

/// Lists or runs the tests.
pub(crate) fn run(arguments: &[&str], tests: &[Test]) -> ExitCode {
    let mut filters = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if WITH_VALUE.contains(word) {
            words.next();
        } else if !word.starts_with('-') {
            filters.push(*word);
        }
    }
    let exact = arguments.contains(&"--exact");
    let is_meant = |name: &str| {
        let fits = |filter: &&str| if exact { name == *filter } else { name.contains(filter) };
        !arguments.contains(&"--ignored") && (filters.is_empty() || filters.iter().any(fits))
    };
    let mut failed = 0;
    for (name, test) in tests.iter().filter(|(name, _)| is_meant(name)) {
        if arguments.contains(&"--list") {
            println!("{name}: test");
            continue;
        }
        let passed = std::panic::catch_unwind(test).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += u8::from(!passed);
    }
    ExitCode::from(failed)
}
