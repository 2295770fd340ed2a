import type { Completable, Flag, Takes } from "./model.ts";

/** For bash 3.2 and newer, with or without the bash-completion package. Readline itself completes paths. */
export function bashCompletion(commands: readonly Completable[]): string {
  const flags = commands.flatMap((command) => command.flags);
  const withValue = flags.filter(({ takes }) => takes.kind !== "nothing");
  return `# bash completion for share and boojum: source <(share completion bash)
_boojum() {
  local IFS=$'\\n' cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command="" flags="" i
  # Readline takes "--flag=value" for three words.
  if [[ $cur == = ]]; then cur=""
  elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${cases(withValue)})
        if [[ \${COMP_WORDS[i+1]} == = ]]; then ((i += 2)); else ((i++)); fi ;;
      -* | =) ;;
      ${commands.map(({ word }) => word).join(" | ")}) command=\${COMP_WORDS[i]}; break ;;
      http://* | https://* | magnet:* | http | https | magnet | *.torrent) command=get; break ;;
      *) command=publish; break ;;
    esac
  done
  COMPREPLY=()
  case $prev in
${valueCases(withValue)}
  esac
  case $command in
${commands.map(({ word, flags: own }) => `    ${word}) flags=$'${own.flatMap(spellings).join("\\n")}' ;;`).join("\n")}
    *) flags=$'${[...new Set(flags.flatMap(spellings))].join("\\n")}' ;;
  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
    return
  fi
  case $command in
    "")
      compopt -o filenames 2>/dev/null
      COMPREPLY=($(compgen -W $'${commands.map(({ word }) => word).join("\\n")}' -- "$cur"; compgen -f -- "$cur")) ;;
${commands.map(({ word, operands }) => `    ${word}) ${complete(operands)} ;;`).join("\n")}
  esac
}
complete -o default -F _boojum share boojum
`;
}

function cases(flags: readonly Flag[]): string {
  return [...new Set(flags.flatMap(spellings))].join(" | ");
}

function spellings({ long, short }: Flag): string[] {
  return short === undefined ? [long] : [long, short];
}

/** One flag may take a file in one command and a folder in another: then it is a path. */
function valueCases(flags: readonly Flag[]): string {
  const byName = new Map<string, Takes>();
  for (const flag of flags) {
    for (const name of spellings(flag)) {
      const before = byName.get(name);
      byName.set(
        name,
        before === undefined || before.kind === flag.takes.kind ? flag.takes : { kind: "file" },
      );
    }
  }
  return [...byName].map(([name, takes]) => `    ${name}) ${complete(takes)}; return ;;`).join("\n");
}

/** With nothing to offer, readline offers files: that is what \`-o default\` does. */
function complete(takes: Takes): string {
  switch (takes.kind) {
    case "file":
      return ":";
    case "dir":
      return 'compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$cur"))';
    case "words":
      return `COMPREPLY=($(compgen -W $'${takes.words.join("\\n")}' -- "$cur"))`;
    case "text":
    case "nothing":
      return "compopt +o default 2>/dev/null";
  }
}
