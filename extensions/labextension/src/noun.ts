import type { Project } from './api/types';

/** What the navigator knows of a noun: one row, whose list opens below it. */
export interface Noun {
  /** As in the API's paths and in the command that shows it, `himalia:show-{nouns}`. */
  nouns: string;
  /** As events name their subject. */
  noun: string;
  title: string;
  /** What the list of those that run now is asked with; none where nothing of it runs. */
  running?: { [name: string]: string | readonly string[] };
  list: (project: Project) => JSX.Element;
}
