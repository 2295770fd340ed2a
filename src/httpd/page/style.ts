/** The one stylesheet; it goes into each page, and its hash into the page's content security policy. */
export const STYLE = `
:root{color-scheme:light dark;--paper:#faf8f3;--card:#fffefb;--ink:#1f2a30;--soft:#5d6a70;--line:#d9d3c5;--deep:#0c6470;--deep-ink:#fff;--tint:#e8f0ef;--warn:#9a3412}
@media(prefers-color-scheme:dark){:root{--paper:#11171b;--card:#182025;--ink:#e7e3d8;--soft:#98a4a8;--line:#2f3a40;--deep:#6ec6c9;--deep-ink:#0b1c1f;--tint:#1b2a2d;--warn:#fdba74}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;-webkit-text-size-adjust:100%}
a{color:var(--deep);text-underline-offset:.2em;text-decoration-thickness:.06em}
a:focus-visible,button:focus-visible,code:focus-visible{outline:3px solid var(--deep);outline-offset:2px;border-radius:4px}
.sheet{max-width:54rem;margin:0 auto;padding:clamp(1rem,4vw,3rem) clamp(1rem,4vw,2rem)}
.brand{display:flex;align-items:center;gap:.6rem;font:600 1.05rem/1 ui-serif,"Iowan Old Style",Georgia,serif;letter-spacing:.02em;text-decoration:none;color:inherit;width:fit-content}
.brand svg{width:1.5rem;height:1.5rem;color:var(--deep)}
h1{font:600 clamp(1.7rem,5vw,2.7rem)/1.15 ui-serif,"Iowan Old Style",Georgia,serif;margin:clamp(1.6rem,5vw,2.8rem) 0 .4rem;overflow-wrap:anywhere;text-wrap:balance}
h2{font:600 1.15rem/1.3 ui-serif,"Iowan Old Style",Georgia,serif;margin:0 0 .6rem}
p{margin:.4rem 0}
.facts{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;color:var(--soft);margin:0;padding:0;list-style:none}
.facts b{color:var(--ink);font-weight:600}
section{margin-top:clamp(1.6rem,4vw,2.4rem)}
.card{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:clamp(1rem,3vw,1.5rem)}
.ways{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr))}
.ways .wide{grid-column:1/-1}
.soft{color:var(--soft);font-size:.94rem}
.command{display:flex;align-items:stretch;gap:.5rem;margin-top:.7rem}
code{font:.92rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.command code{flex:1;min-width:0;background:var(--tint);border-radius:9px;padding:.6rem .8rem;overflow-x:auto;white-space:nowrap;user-select:all}
.button,button{display:inline-flex;align-items:center;min-height:2.75rem;padding:.3rem 1.1rem;border-radius:9px;border:1px solid var(--deep);background:var(--deep);color:var(--deep-ink);font-family:inherit;font-size:.97rem;font-weight:600;line-height:1.2;text-decoration:none;cursor:pointer}
.button.quiet,button{background:transparent;color:var(--deep)}
.buttons{display:flex;flex-wrap:wrap;gap:.6rem;margin-top:.8rem}
button[hidden]{display:none}
.state{border-left:4px solid var(--deep);background:var(--tint);border-radius:0 12px 12px 0;padding:.8rem 1.1rem}
.state.bad{border-color:var(--warn)}
progress{width:100%;height:.55rem;margin-top:.4rem;border:0;border-radius:9px;overflow:hidden;background:var(--line);accent-color:var(--deep)}
progress::-webkit-progress-bar{background:var(--line)}
progress::-webkit-progress-value{background:var(--deep)}
progress::-moz-progress-bar{background:var(--deep)}
.files{list-style:none;margin:0;padding:0;border:1px solid var(--line);border-radius:14px;background:var(--card);overflow:hidden}
.files li{display:flex;gap:.4rem 1rem;align-items:center;padding:.15rem .5rem .15rem 1rem;min-height:2.75rem}
.files li+li{border-top:1px solid var(--line)}
.files .name{flex:1;min-width:0;overflow-wrap:anywhere;text-decoration:none;padding:.35rem 0}
.files .name:hover{text-decoration:underline}
.files .folder{color:var(--soft)}
.files .size{color:var(--soft);font-variant-numeric:tabular-nums;white-space:nowrap;font-size:.94rem}
.files .save{display:inline-flex;align-items:center;justify-content:center;width:2.75rem;height:2.75rem;flex:none;border-radius:9px}
.files .save:hover{background:var(--tint)}
.files .save svg{width:1.15rem;height:1.15rem}
.head{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;gap:.2rem 1rem}
.pages{display:flex;flex-wrap:wrap;gap:.6rem;align-items:center;margin-top:1rem}
.shares{display:grid;gap:1rem;padding:0;margin:1.6rem 0 0;list-style:none}
.shares a{font:600 1.25rem/1.3 ui-serif,"Iowan Old Style",Georgia,serif;overflow-wrap:anywhere}
footer{margin-top:clamp(2rem,6vw,3.5rem);padding-top:1rem;border-top:3px double var(--line);color:var(--soft);font-size:.88rem;overflow-wrap:anywhere}
footer code{font-size:.84rem}
@media(max-width:32rem){.command{flex-direction:column}.command button{align-self:start}}
@media print{.command button,.save,.pages{display:none}}
`;

/** Lets the copy buttons work, on plain HTTP too, where browsers offer no clipboard; without it they stay hidden. */
export const SCRIPT = `
for (const button of document.querySelectorAll("button[data-copy]")) {
  const code = button.parentElement.querySelector("code");
  button.hidden = false;
  button.addEventListener("click", () => {
    const range = document.createRange();
    range.selectNodeContents(code);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    document.execCommand("copy");
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}
`;

/** A bell-buoy in a ring; also the favicon. */
export const MARK =
  '<path d="M16 3a13 13 0 1 0 0 26 13 13 0 0 0 0-26Z" fill="none" stroke="currentColor" stroke-width="2"/>' +
  '<path d="M16 8v3m-5.5 10.5h11m-10-1.2c1-1.2 1.2-2.6 1.2-4.3a3.3 3.3 0 0 1 6.6 0c0 1.7.2 3.1 1.2 4.3m-4.5 3.2h.02" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round"/>';

/** Sea-green on both light and dark tabs. */
export const FAVICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" color="#1a8f96">${MARK}</svg>`;
