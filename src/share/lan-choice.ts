/** Whether the environment wants us to keep off the local network, whatever else is said. */
export function lanIsForbidden(): boolean {
  return /^(1|yes|true|on)$/i.test(process.env["BOOJUM_NO_LAN"] ?? "");
}
