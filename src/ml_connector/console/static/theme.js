// Sets the chosen theme before anything is painted; loaded in the head without defer, and as small as can be.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch { /* storage may be forbidden: then the system decides */ }
document.documentElement.classList.add("scripted");
