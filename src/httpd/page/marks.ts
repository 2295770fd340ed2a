/** What is drawn. */

/** A bell-buoy in a ring; also the favicon. */
export const MARK =
  '<path d="M16 3a13 13 0 1 0 0 26 13 13 0 0 0 0-26Z" fill="none" stroke="currentColor" stroke-width="2"/>' +
  '<path d="M16 8v3m-5.5 10.5h11m-10-1.2c1-1.2 1.2-2.6 1.2-4.3a3.3 3.3 0 0 1 6.6 0c0 1.7.2 3.1 1.2 4.3m-4.5 3.2h.02" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round"/>';

/** Sea-green on both light and dark tabs. */
export const FAVICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" color="#1a8f96">${MARK}</svg>`;

const ICONS = {
  save: "M10 3v9m-4-3.5 4 4 4-4M4 16.5h12",
  folder: "M2.5 5.5a1 1 0 0 1 1-1h4l2 2h7a1 1 0 0 1 1 1v7.5a1 1 0 0 1-1 1h-13a1 1 0 0 1-1-1z",
  file: "M5.5 2.5h6l3.5 3.5v11.5h-9.5zm6 0v3.5h3.5",
  look: "M2 10s3-5.5 8-5.5 8 5.5 8 5.5-3 5.5-8 5.5-8-5.5-8-5.5zm10.3 0a2.3 2.3 0 1 1-4.6 0 2.3 2.3 0 0 1 4.6 0z",
  arrow: "m7.5 5 5 5-5 5",
  done: "m4 10.5 4 4 8-9",
  copy: "M7.5 7.5h9v9h-9zm-1.5 5h-2.5v-9h9v2.5",
  close: "m5 5 10 10m0-10-10 10",
} as const;

/** Hidden; {@link Icon} uses its parts. */
export const SPRITE = `<svg width="0" height="0" class="sprite" aria-hidden="true"><defs>${Object.entries(
  ICONS,
)
  .map(
    ([name, path]) =>
      `<path id="i-${name}" d="${path}" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"/>`,
  )
  .join("")}</defs></svg>`;
