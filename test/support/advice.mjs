/** What the user is told to do where a server cannot be installed. */

/**
 * The one command to run. `names` are the servers, `packages` what each package manager calls them (`apt`, `brew`), `command` is what
 * the user wanted to run. `machine`: whether it has `apt`, `brew` and `sudo`; whether we are `root`; whether apt would remove something
 * for one of the servers (`conflict`).
 */
export function advice({ names, packages, command, machine }) {
  const { apt, brew, conflict } = machine;
  const other = apt ? "" : `\nor install ${names.join(", ")} with your package manager.\n`;
  const help =
    apt && !conflict
      ? `${asRoot(`apt-get install -y --no-remove ${packages.apt.join(" ")}`, machine)}\n`
      : brew
        ? `brew install ${packages.brew.join(" ")}\n`
        : `${inDocker(command)}\n${other}`;
  return `These servers are needed and not installed: ${names.join(", ")}. Please run:\n\n  ${help}`;
}

function asRoot(command, { root, sudo }) {
  if (root) return command;
  return sudo ? `sudo ${command}` : `su -c "${command}"`;
}

/** Git as root refuses to read a clone of another user's, and hears of exceptions only from a file of its own. */
export function inDocker(command) {
  const clone = `git config --global safe.directory "*" && git clone -q /src /wbsync && cd /wbsync`;
  return `docker run --rm -v "$PWD":/src:ro node:20-bookworm sh -c '${clone} && ${command}'`;
}
