/** The one stylesheet; it goes into each page, and its hash into the page's content security policy. */
export const STYLE = `
:root{color-scheme:light dark;--paper:#f7f5ef;--card:#fffefb;--ink:#1d272c;--soft:#57646a;--line:#ddd7c9;--deep:#0b5f6b;--deep-ink:#fff;--tint:#e9f0ef;--warn:#9a3412;--warn-tint:#fbeee4;--good:#1b6b3a;--serif:ui-serif,"Iowan Old Style","Charter",Georgia,"DejaVu Serif",serif;--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
@media(prefers-color-scheme:dark){:root{--paper:#10161a;--card:#171f24;--ink:#e8e4da;--soft:#9aa6aa;--line:#2c373d;--deep:#74c9cc;--deep-ink:#08191c;--tint:#1b2a2e;--warn:#fdba74;--warn-tint:#2b2019;--good:#86d6a2}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;-webkit-text-size-adjust:100%}
[hidden]{display:none!important}
a{color:var(--deep);text-underline-offset:.2em;text-decoration-thickness:.06em}
:focus-visible{outline:3px solid var(--deep);outline-offset:2px;border-radius:4px}
[tabindex="-1"]:focus{outline:0}
.sprite{position:absolute}
.hush,.skip:not(:focus){position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.skip:focus{position:fixed;z-index:9;top:.5rem;left:.5rem;background:var(--card);padding:.6rem 1rem;border-radius:9px}
.icon{width:1.15rem;height:1.15rem;flex:none}
.sheet{max-width:66rem;margin:0 auto;padding:clamp(1rem,3vw,2rem) clamp(1rem,4vw,2.5rem) 2rem}
.brand{display:flex;align-items:center;gap:.6rem;font:600 1.05rem/1 var(--serif);letter-spacing:.02em;text-decoration:none;color:inherit;width:fit-content;min-height:2.75rem}
.brand svg{width:1.6rem;height:1.6rem;color:var(--deep)}
h1{font:600 clamp(1.7rem,4.6vw,2.7rem)/1.15 var(--serif);letter-spacing:-.01em;margin:clamp(.9rem,3vw,1.8rem) 0 .3rem;overflow-wrap:anywhere;text-wrap:balance}
h2{font:600 1.2rem/1.3 var(--serif);margin:0;overflow-wrap:anywhere}
h3{font-size:.94rem;font-weight:600;margin:1.3rem 0 0}
p{margin:.4rem 0}
.facts{color:var(--soft);margin:0;min-height:1.55em}
ul.facts{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;padding:0;list-style:none}
.facts b{color:var(--ink);font-weight:600}
.soft{color:var(--soft);font-size:.92rem}
section,.shares{margin-top:clamp(1.2rem,3vw,1.8rem)}
.card{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:clamp(1rem,3vw,1.5rem)}
.pair{display:grid;gap:1.2rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));align-items:start;margin-top:clamp(1.2rem,3vw,1.8rem)}
.pair>section{margin:0;min-width:0;height:100%}
.command{display:flex;align-items:stretch;gap:.5rem;margin:.5rem 0 .9rem}
code{font:.9em/1.5 var(--mono)}
.command code{flex:1;min-width:0;background:var(--tint);border-radius:9px;padding:.62rem .8rem;overflow-wrap:anywhere;user-select:all}
.button,button{display:inline-flex;align-items:center;justify-content:center;gap:.5rem;min-height:2.75rem;padding:.3rem 1.05rem;border-radius:9px;border:1px solid var(--deep);background:var(--deep);color:var(--deep-ink);font-family:inherit;font-size:.95rem;font-weight:600;line-height:1.2;text-decoration:none;cursor:pointer}
.button.quiet,button.quiet,button[data-copy],.search button,.picked button{background:transparent;color:var(--deep);border-color:var(--line)}
.button:hover,button:hover{border-color:var(--deep)}
button:disabled{opacity:.5;cursor:default}
.actions{display:flex;flex-wrap:wrap;gap:.5rem;margin-top:1rem}
.actions:empty{display:none}
button[data-copy]{padding:.3rem .8rem}
.command button{align-self:flex-start}
.buttons{display:flex;flex-wrap:wrap;gap:.5rem;margin-top:.6rem}
.scan{margin-top:.2rem}
summary{cursor:pointer;color:var(--deep);min-height:2.75rem;display:flex;align-items:center;width:fit-content;font-size:.95rem}
summary:before{content:"";width:.42rem;height:.42rem;border:solid;border-width:0 .1rem .1rem 0;transform:rotate(-45deg);margin-right:.7rem;transition:transform .15s}
details[open] summary:before{transform:rotate(45deg)}
summary::-webkit-details-marker{display:none}
.qr{display:block;width:min(100%,13rem);border-radius:9px;border:1px solid var(--line)}
.state,#lost{border-left:4px solid var(--deep);background:var(--tint);border-radius:0 12px 12px 0;padding:.7rem 1.1rem;margin-top:1.2rem}
.state p{margin:0}
.state.bad,#lost{border-color:var(--warn);background:var(--warn-tint)}
.stale #room,.stale #status,.stale #shares{filter:grayscale(1)}
progress{display:block;width:100%;height:.5rem;margin-top:.5rem;border:0;border-radius:9px;overflow:hidden;background:var(--line);appearance:none;color:var(--deep)}
progress::-webkit-progress-bar{background:var(--line)}
progress::-webkit-progress-value{background:var(--deep);border-radius:9px;transition:inline-size .9s linear}
progress::-moz-progress-bar{background:var(--deep)}
.verdict{display:flex;align-items:center;gap:.6rem;font:600 1.5rem/1.3 var(--serif);margin:.5rem 0 0}
.safe{color:var(--good)}
.plot{margin:1.1rem 0 0}
.plot svg{display:block;width:100%;height:4rem;border-bottom:1px solid var(--line)}
.area{fill:color-mix(in srgb,var(--deep) 16%,transparent)}
.line{fill:none;stroke:var(--deep);stroke-width:1.6;vector-effect:non-scaling-stroke;stroke-linejoin:round}
figcaption{display:flex;flex-wrap:wrap;justify-content:space-between;gap:.1rem 1rem;color:var(--soft);font-size:.88rem;margin-top:.35rem;font-variant-numeric:tabular-nums}
figcaption b{color:var(--ink)}
.people{list-style:none;margin:1rem 0 0;padding:0;max-height:24rem;overflow-y:auto}
.people li{display:grid;grid-template-columns:1fr auto;gap:0 1rem;align-items:center;padding:.5rem 0;border-top:1px solid var(--line)}
.people progress{grid-column:1/-1;margin-top:.3rem;height:.3rem}
.who{min-width:0;overflow-wrap:anywhere}
.how{display:flex;align-items:center;gap:.5rem;font-variant-numeric:tabular-nums;white-space:nowrap}
.how b{min-width:3.2em;text-align:right;font-weight:600}
.how .icon{color:var(--good)}
.head{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:center;gap:.6rem 1rem}
.head .buttons{margin:0}
.search{display:flex;gap:.5rem;flex:0 1 22rem}
.search input[type=search]{flex:1;min-width:0;min-height:2.75rem;font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:9px;padding:.3rem .9rem}
.trail{margin:.6rem 0 0;overflow-wrap:anywhere}
.tree{margin-top:.8rem;border:1px solid var(--line);border-radius:14px;background:var(--card);overflow:hidden}
.columns,.files li{display:flex;align-items:center;padding:0 .5rem 0 1rem;min-height:2.75rem}
.columns{border-bottom:1px solid var(--line);background:var(--tint);font-size:.88rem}
.columns a{color:var(--soft);text-decoration:none;display:flex;gap:.35rem;align-items:center;min-height:2.75rem}
.columns span:empty{display:none}
.columns a[aria-current]{color:var(--ink);font-weight:600}
.columns .name{flex:1}
.columns .size{margin-right:2.75rem}
.files{list-style:none;margin:0;padding:0}

.files li+li{border-top:1px solid var(--line)}
.files li:hover{background:color-mix(in srgb,var(--tint) 45%,transparent)}
.files .name{flex:1;min-width:0;display:flex;align-items:center;gap:.2rem .6rem;overflow-wrap:anywhere;text-decoration:none;padding:.5rem 0;min-height:2.75rem;color:var(--ink)}
.files .name bdi{min-width:0}
.files .name .icon{color:var(--soft)}
.files .name .soft{flex:none;max-width:50%}
.files .name:hover bdi{text-decoration:underline}
.date,.size{color:var(--soft);font-variant-numeric:tabular-nums;white-space:nowrap;font-size:.9rem;text-align:right;justify-content:flex-end}
.date{width:7rem;flex:none}
.size{width:5.5rem;flex:none}
.fold,.save{display:inline-flex;align-items:center;justify-content:center;width:2.75rem;flex:none;border-radius:9px}
.fold{width:1.9rem;margin-left:-.5rem;color:var(--soft)}
a.fold,a.save{height:2.75rem}
.fold.open .icon{transform:rotate(90deg)}
a.save:hover,a.fold:hover{background:var(--tint)}
.tick{display:inline-flex;align-items:center;justify-content:center;width:2.4rem;height:2.75rem;margin-left:-.7rem;flex:none;cursor:pointer}
input[type=checkbox]{width:1.1rem;height:1.1rem;accent-color:var(--deep);margin:0;cursor:pointer}
${[1, 2, 3, 4, 5, 6, 7, 8].map((depth) => `.d${depth}{--in:${depth}}`).join("")}
.files li .fold{margin-left:calc(var(--in,0)*1.3rem - .5rem)}
.picked{padding:.5rem 1rem;border-bottom:1px solid var(--line);display:flex;flex-wrap:wrap;gap:.2rem 1rem;align-items:center}
.pages{display:flex;flex-wrap:wrap;gap:.6rem;align-items:center;margin-top:1rem}
#preview{scroll-margin-top:1rem;margin:0 0 1.4rem}
.stage{margin-top:1rem}
.stage img,.stage video{display:block;max-width:100%;max-height:75vh;margin:0 auto;border-radius:6px}
.stage.image{background:repeating-conic-gradient(var(--tint) 0 25%,transparent 0 50%) 0 0/1.5rem 1.5rem;border-radius:9px}
.stage audio{width:100%}
.stage iframe{width:100%;height:75vh;border:1px solid var(--line);border-radius:9px;background:#fff}
pre{margin:0;max-height:75vh;overflow:auto;background:var(--tint);border-radius:9px;padding:1rem;font:.88rem/1.55 var(--mono);white-space:pre-wrap;overflow-wrap:anywhere;tab-size:4}
#selection{position:fixed;z-index:5;inset:auto 0 0;margin:0;display:flex;flex-wrap:wrap;align-items:center;justify-content:center;gap:.5rem;padding:.7rem 1rem calc(.7rem + env(safe-area-inset-bottom));background:var(--card);border-top:1px solid var(--line);box-shadow:0 -6px 24px #0002}
#selection p{margin:0 .6rem 0 0;font-variant-numeric:tabular-nums}
.choosing{padding-bottom:6rem}
.shares{display:grid;gap:1rem;padding:0;list-style:none;grid-template-columns:repeat(auto-fill,minmax(min(100%,24rem),1fr))}
.shares li{position:relative}
.shares a:after{content:"";position:absolute;inset:0;border-radius:14px}
.shares li:hover{border-color:var(--deep)}
.shares a{font:600 1.25rem/1.3 var(--serif);overflow-wrap:anywhere}
.note{margin-top:.5rem}
.note.bad{color:var(--warn)}
p.note{display:flex;flex-wrap:wrap;align-items:center}
p.note .icon{margin-right:.4rem}
.problem{padding:clamp(1rem,8vh,5rem) 0}
footer{margin-top:clamp(2rem,6vw,3.5rem);padding-top:1rem;border-top:3px double var(--line);color:var(--soft);font-size:.86rem;overflow-wrap:anywhere}
@media(max-width:40rem){main{display:flex;flex-direction:column}.pair{display:contents}.pair>section{margin-top:1.2rem;height:auto}#get{order:1}.date,.columns .date{display:none}.files .size,.columns .size{width:4.7rem}.search{flex:1 1 100%}.files .name .soft{max-width:none;flex:0 1 auto}.files .name{flex-wrap:wrap}.files .name .icon{display:none}}
@media(prefers-reduced-motion:reduce){*{transition:none!important}}
@media print{button,.save,.pages,.search,#selection,.tick{display:none!important}}
`;
