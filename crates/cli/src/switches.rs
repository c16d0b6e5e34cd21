//! Switches with a value, as Go's programs take them: `--strict=true`, `--include-crds=false`.

use std::ffi::OsString;

use clap::{ArgAction, Command};

/// The arguments with switches that have a value as the parser knows them: there, or not there. The last one of several
/// counts. `command` is asked for only if an argument looks like such a switch, because defining it takes time.
pub(crate) fn plain(arguments: Vec<OsString>, command: impl FnOnce() -> Command) -> Vec<OsString> {
    if !options(&arguments).any(|argument| switch(argument).is_some()) {
        return arguments;
    }
    let mut command = command();
    command.build();
    let path = path(&command, &arguments);
    let ended = options(&arguments).count();
    let mut kept: Vec<OsString> = Vec::new();
    for (at, argument) in arguments.into_iter().enumerate() {
        match switch(&argument).filter(|(name, _)| at < ended && is_switch(&path, name)) {
            Some((name, on)) => {
                let name = OsString::from(format!("--{name}"));
                kept.retain(|earlier| *earlier != name);
                if on {
                    kept.push(name);
                }
            }
            None => kept.push(argument),
        }
    }
    kept
}

/// What stands before `--`.
fn options(arguments: &[OsString]) -> impl Iterator<Item = &OsString> {
    arguments.iter().take_while(|argument| *argument != "--")
}

/// The name and the state of a switch with a value, in one of the ways in which Go writes booleans.
fn switch(argument: &OsString) -> Option<(String, bool)> {
    let (name, value) = argument.to_str()?.strip_prefix("--")?.split_once('=')?;
    let on = match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
        "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
        _ => return None,
    };
    Some((name.to_owned(), on))
}

/// The command that is called, with those it stands under.
fn path<'c>(command: &'c Command, arguments: &[OsString]) -> Vec<&'c Command> {
    let mut path = vec![command];
    for argument in options(arguments).skip(1) {
        let under = path.last().and_then(|command| command.find_subcommand(argument));
        path.extend(under);
    }
    path
}

fn is_switch(path: &[&Command], name: &str) -> bool {
    let mut known = path.iter().flat_map(|command| command.get_arguments());
    known.any(|argument| {
        let aliases = argument.get_all_aliases().unwrap_or_default();
        let fits = argument.get_long() == Some(name) || aliases.contains(&name);
        fits && matches!(argument.get_action(), ArgAction::SetTrue)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn plainly(line: &str) -> String {
        let arguments = line.split(' ').map(OsString::from).collect();
        let kept = plain(arguments, crate::Cli::command);
        kept.iter().map(|argument| argument.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn switches_take_the_values_of_go() {
        for (given, expected) in [
            ("weir helm lint a --strict=true", "weir helm lint a --strict"),
            ("weir helm --debug=1 lint a --strict=False", "weir helm --debug lint a"),
            ("weir helm lint --strict a --strict=f", "weir helm lint a"),
            ("weir helm lint --strict=f a --strict=T", "weir helm lint a --strict"),
            ("weir kustomize build . --enable-helm=t", "weir kustomize build . --enable-helm"),
            ("weir helm template a --create-namespace=0", "weir helm template a"),
            // What is no switch, or no boolean, is left to the parser.
            ("weir helm template a --set=true", "weir helm template a --set=true"),
            ("weir helm lint a --strict=yes", "weir helm lint a --strict=yes"),
            ("weir helm template a --dry-run=true", "weir helm template a --dry-run=true"),
            ("weir kustomize build --strict=true", "weir kustomize build --strict=true"),
            ("weir helm lint -- --strict=true", "weir helm lint -- --strict=true"),
        ] {
            assert_eq!(plainly(given), expected, "{given}");
        }
    }
}
