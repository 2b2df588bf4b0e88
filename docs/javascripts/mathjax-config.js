// arithmatex has marked the maths already: typeset only that. No menu, since its extras
// would be fetched from elsewhere.
window.MathJax = {
  tex: {
    inlineMath: [["\\(", "\\)"]],
    displayMath: [["\\[", "\\]"]],
    processEscapes: true,
    processEnvironments: true,
  },
  options: {
    enableMenu: false,
    ignoreHtmlClass: ".*|",
    processHtmlClass: "arithmatex",
  },
};
