import type { Completable, Flag, Takes } from "./model.ts";

/** For zsh: sourced, or as a file `_share` in `$fpath`. */
export function zshCompletion(commands: readonly Completable[]): string {
  return `#compdef share boojum
# zsh completion for share and boojum: source <(share completion zsh)
_boojum_command() {
  local -a commands=(
${commands.map(({ word, description }) => `    ${quote(`${word}:${description}`)}`).join("\n")}
  )
  _alternative 'commands:command:{ _describe command commands }' 'files:file:_files'
}

_boojum() {
  local command="" word
  integer i skip=0
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    if ((skip)); then skip=0; continue; fi
    case $word in
      (${valued(commands)}) skip=1 ;;
      (-*) ;;
      (${commands.map(({ word }) => word).join("|")})
        command=$word
        # What follows is for the command: the word itself is no operand.
        words[i]=()
        ((CURRENT--))
        break ;;
      (http://*|https://*|magnet:*|*.torrent) command=get; break ;;
      (*) command=publish; break ;;
    esac
  done
  case $command in
${commands.map(caseOf).join("\n")}
    (*) _arguments -s : ${flagSpecs(publishFlags(commands))} '*:command:_boojum_command' ;;
  esac
}

if [[ $funcstack[1] == _share ]]; then _boojum "$@"; else compdef _boojum share boojum; fi
`;
}

function publishFlags(commands: readonly Completable[]): readonly Flag[] {
  return commands.find(({ word }) => word === "publish")?.flags ?? [];
}

function caseOf({ word, flags, operands }: Completable): string {
  const rest = operands.kind === "nothing" ? "" : ` \\\n      '*:${word}:${action(operands)}'`;
  return `    (${word}) _arguments -s : ${flagSpecs(flags)}${rest} ;;`;
}

function flagSpecs(flags: readonly Flag[]): string {
  return flags
    .flatMap((flag) => {
      const names = flag.short === undefined ? [flag.long] : [flag.long, flag.short];
      const others = flag.repeatable ? "*" : names.length > 1 ? `(${names.join(" ")})` : "";
      return names.map((name) => {
        const joined = flag.takes.kind === "nothing" ? "" : name.startsWith("--") ? "=" : "+";
        const value =
          flag.takes.kind === "nothing" ? "" : `:${escape(flag.long.slice(2))}:${action(flag.takes)}`;
        return `\\\n      ${quote(`${others}${name}${joined}[${escape(flag.description)}]${value}`)}`;
      });
    })
    .join(" ");
}

function valued(commands: readonly Completable[]): string {
  const flags = commands.flatMap((command) => command.flags).filter(({ takes }) => takes.kind !== "nothing");
  return [
    ...new Set(flags.flatMap(({ long, short }) => (short === undefined ? [long] : [long, short]))),
  ].join("|");
}

function action(takes: Takes): string {
  switch (takes.kind) {
    case "file":
      return "_files";
    case "dir":
      return "_files -/";
    case "words":
      return `(${takes.words.join(" ")})`;
    case "text":
    case "nothing":
      return " ";
  }
}

function escape(text: string): string {
  return text.replace(/[\\[\]:]/g, "\\$&");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
