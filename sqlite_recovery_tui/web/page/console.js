// Keys go to the terminal as soon as it shows something, and to the way back when it has ended.
window.addEventListener("load", () => {
  const shows = (name) => document.body.classList.contains(name);
  const focus = () => {
    const target = shows("-closed") ? "#end a" : shows("-first-byte") ? ".xterm-helper-textarea" : "body";
    document.querySelector(target)?.focus();
  };
  new MutationObserver(focus).observe(document.body, { attributeFilter: ["class"] });
  window.addEventListener("focus", focus);
});
