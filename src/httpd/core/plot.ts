/** A rate over time as the outline of an area. */

export interface PlotBox {
  readonly width: number;
  readonly height: number;
}

/** The `d` of a closed SVG path under `rates` (oldest first, evenly spaced), the highest touching the top. */
export function areaPath(rates: readonly number[], { width, height }: PlotBox): string {
  const line = linePath(rates, { width, height });
  return line === "" ? "" : `${line}L${width} ${height}L0 ${height}Z`;
}

/** The same without its sides and bottom. */
export function linePath(rates: readonly number[], { width, height }: PlotBox): string {
  if (rates.length < 2) return "";
  const top = Math.max(...rates, 1);
  const points = rates.map((rate, i) => {
    const x = (i / (rates.length - 1)) * width;
    const y = height - (Math.max(0, rate) / top) * height;
    return `${short(x)} ${short(y)}`;
  });
  return `M${points.join("L")}`;
}

function short(value: number): string {
  return String(Math.round(value * 10) / 10);
}
