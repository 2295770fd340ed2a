/** What `share --help` shows. A text, so that asking for it loads nothing else. */
export const ROOT_HELP = `Usage: share PATH... | SOURCE | COMMAND ...

Share a file or folder with everybody on the network; or get what others share.

Options:
  --version      show the version
  --json         events as JSON lines on stdout, nothing else there
  -q, --quiet    only results, warnings and errors
  -v, --verbose  more messages, and stacks of errors
  --no-color     no colours (also: NO_COLOR=1)
  --config FILE  settings: flags without dashes, "limit-up = 5MB/s" a line;
                 also in the environment: BOOJUM_LIMIT_UP=5MB/s
  -h, --help     show this, or a command's flags: share get --help

Commands:
  share PATH...           publish (also: share publish PATH...)
  share get SOURCE        get a URL, magnet or .torrent (also: share SOURCE)
  share info SOURCE       show what is in a torrent, and how its swarm is
  share create PATH       write a .torrent, publish nothing
  share tracker           track any torrents, or those of a folder

Examples:
  share ./photos                                 publish a folder
  share get http://192.168.1.20:6881/s/k3f9x2mw  download it elsewhere
  share ./photos --limit-up 5MB/s --open         slower, and show the page here
`;
