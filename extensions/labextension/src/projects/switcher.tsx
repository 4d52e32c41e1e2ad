import { useId } from 'react';

import type { Project } from '../api/types';
import { useHimalia } from '../context';
import { refused } from '../ui/confirm';

/** Which project the panels show, and new kernels belong to. */
export function ProjectSwitcher(): JSX.Element {
  const { projects, trans } = useHimalia();
  const id = useId();
  const choose = (name: string) => {
    const project = projects.all.find(each => each.name === name);
    if (project) {
      projects
        .choose(project)
        .catch((error: unknown) => refused(trans.__('The project was not changed.'), error, trans));
    }
  };
  return (
    <div className="hm-Switcher">
      <label htmlFor={id}>{trans.__('Project')}</label>
      <select
        id={id}
        className="hm-Input"
        value={projects.current?.name ?? ''}
        title={trans.__('Panels show this project; kernels started from now on belong to it.')}
        onChange={event => choose(event.target.value)}
      >
        {projects.all.map(project => (
          <option key={project.id} value={project.name}>
            {project.status.personal ? trans.__('%1 (personal)', titleOf(project)) : titleOf(project)}
          </option>
        ))}
      </select>
    </div>
  );
}

function titleOf(project: Project): string {
  return project.spec.title || project.name;
}
