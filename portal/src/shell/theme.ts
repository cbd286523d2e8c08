/** Light or dark: as the system is, until the person chooses. */
import { useEffect, useState } from "react";

type Theme = "light" | "dark";
const KEY = "portal.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

export function useTheme(): [Theme, () => void] {
  const [chosen, choose] = useState(localStorage.getItem(KEY) as Theme | null);
  const [isDark, setDark] = useState(system.matches);
  useEffect(() => {
    const follow = () => setDark(system.matches);
    system.addEventListener("change", follow);
    return () => system.removeEventListener("change", follow);
  }, []);
  const theme = chosen ?? (isDark ? "dark" : "light");
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  const toggle = () => {
    const other = theme === "dark" ? "light" : "dark";
    localStorage.setItem(KEY, other);
    choose(other);
  };
  return [theme, toggle];
}
