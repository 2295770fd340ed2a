import type { Completable, Flag, Takes } from "./model.ts";

/** For fish 3: sourced, or as a file `share.fish` in its completions folder. */
export function fishCompletion(commands: readonly Completable[]): string {
  const values = commands.flatMap(({ flags }) => flags.filter(({ takes }) => takes.kind !== "nothing"));
  const valued = [
    ...new Set(values.flatMap(({ long, short }) => (short === undefined ? [long] : [long, short]))),
  ];
  const lines = commands.flatMap((command) => [
    `complete -c $name -n __boojum_is_first -f -a ${command.word} -d ${quote(command.description)}`,
    ...command.flags.map((flag) => `complete -c $name -n '__boojum_is ${command.word}' ${flagOf(flag)}`),
    ...(command.operands.kind === "file"
      ? []
      : [`complete -c $name -n '__boojum_is ${command.word}' ${value(command.operands)}`]),
  ]);
  return `# fish completion for share and boojum: share completion fish | source
function __boojum_command --description 'the command that the words so far mean'
    set -l words (commandline -opc)
    set -l skip 0
    for word in $words[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case ${valued.map(quote).join(" ")}
                set skip 1
            case '-*'
            case ${commands.map(({ word }) => word).join(" ")}
                echo $word
                return
            case 'http://*' 'https://*' 'magnet:*' '*.torrent'
                echo get
                return
            case '*'
                echo publish
                return
        end
    end
end

function __boojum_is_first
    test -z (__boojum_command | string collect --allow-empty)
end

function __boojum_is
    set -l command (__boojum_command)
    # Without a word yet, it may become a publication.
    test "$command" = $argv[1]; or test -z "$command" -a $argv[1] = publish
end

for name in share boojum
${lines.map((line) => `    ${line}`).join("\n")}
end
`;
}

function flagOf({ long, short, takes, description }: Flag): string {
  const names = `-l ${long.slice(2)}${short === undefined ? "" : ` -s ${short.slice(1)}`}`;
  return `${names} ${takes.kind === "nothing" ? "" : `${value(takes)} `}-d ${quote(description)}`;
}

function value(takes: Takes): string {
  switch (takes.kind) {
    case "file":
      return "-r -F";
    case "dir":
      return "-x -a '(__fish_complete_directories)'";
    case "words":
      return `-x -a ${quote(takes.words.join(" "))}`;
    case "text":
      return "-x";
    case "nothing":
      return "-f";
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
