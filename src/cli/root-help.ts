/** What `share --help` shows. A text, so that asking for it loads nothing else. */
export const ROOT_HELP = `Usage: share PATH... | SOURCE | COMMAND ...
Share a file or folder with everybody on the network; or get what others share.

  share PATH...             publish (also: share publish PATH...)
  share get SOURCE          get a URL, magnet, .torrent, name or code here
  share find                list what is shared on this network
  share info SOURCE         show what is in a torrent, and how its swarm is
  share create PATH         write a .torrent, publish nothing
  share verify SOURCE PATH  compare data with a torrent, and repair them
  share edit FILE.torrent   change trackers, web seeds, comment
  share seed SOURCE PATH    seed what is here for a torrent, or a folder of them
  share tracker             track any torrents, or those of a folder
  share doctor [SOURCE]     find what keeps others from us, or us from SOURCE
  share completion SHELL    let bash, zsh or fish complete all this

Options of all commands, besides --version and -h/--help (share get --help):
  --json         events as JSON lines on stdout, nothing else there
  -q, --quiet    only results, warnings and errors
  -v, --verbose  more messages, and stacks of errors
  --no-color     no colours (also: NO_COLOR=1)
  --config FILE  options, "limit-up = 5MB/s" a line; also: BOOJUM_LIMIT_UP=5MB/s

Example: share ./photos    elsewhere: share get http://192.168.1.20:6881/s/k3f9
Exit codes: 0 done, 1 failed, 2 usage, 3 differs, 4 disk, 5 no data, 130 stopped
`;
