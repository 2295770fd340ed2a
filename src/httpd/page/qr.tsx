/** A QR code as a drawing: dark on light whatever the page's colours, for cameras want it so. */
import { encode } from "uqr";

export function QrCode({ text, label }: { readonly text: string; readonly label: string }) {
  const { data, size } = encode(text, { border: 2 });
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={label}
      shape-rendering="crispEdges"
    >
      <rect width={size} height={size} fill="#fff" />
      <path d={modules(data)} fill="#000" />
    </svg>
  );
}

/** One bar for each run of dark modules. */
function modules(rows: readonly (readonly boolean[])[]): string {
  const bars: string[] = [];
  for (const [y, row] of rows.entries()) {
    let x = 0;
    while (x < row.length) {
      const start = x;
      while (row[x] === true) x++;
      if (x > start) bars.push(`M${start} ${y}h${x - start}v1h${start - x}z`);
      else x++;
    }
  }
  return bars.join("");
}
