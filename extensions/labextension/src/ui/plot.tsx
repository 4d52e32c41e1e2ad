import { MimeModel } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Widget } from '@lumino/widgets';
import type { JSONObject } from '@lumino/coreutils';
import { useEffect, useLayoutEffect, useRef } from 'react';

import { useHimalia } from '../context';
import { Button } from './basics';
import { csv, saveAs } from './save';

const MIME = 'application/vnd.vegalite.v5+json';
/** A plot that grows is drawn anew at most this often. */
const REDRAW_MS = 500;

/** Lab's colours and fonts as they are now. */
export interface Theme {
  text: string;
  line: string;
  brand: string;
  background: string;
  font: string;
}

/** A Vega-Lite view without what all plots share. */
export type Chart = (theme: Theme) => { [part: string]: unknown };

export interface PlotProps {
  title: string;
  chart: Chart;
  /** What is drawn, for who wants it as a file. */
  rows?: readonly PlotRow[];
  /** Of the plot in pixels. */
  height?: number;
}

export type PlotRow = { [field: string]: string | number | boolean | null };

/** A plot by Vega-Lite through Lab's own renderer: tooltips, zoom by wheel, export by its menu, data as CSV. */
export function Plot({ title, chart, rows, height = 180 }: PlotProps): JSX.Element {
  const { rendermime, trans } = useHimalia();
  const host = useRef<HTMLDivElement>(null);
  const drawing = useRef<Drawing | null>(null);
  // A layout effect ends while its element is still in the page, where Lumino needs it to detach.
  useLayoutEffect(() => {
    if (!host.current) {
      return undefined;
    }
    const made = new Drawing(
      host.current,
      rendermime.createRenderer(MIME),
      title,
      trans.__('Export %1', title)
    );
    drawing.current = made;
    return () => made.dispose();
  }, [rendermime, title, trans]);
  useEffect(() => drawing.current?.draw(() => specification(chart, height)), [chart, height]);
  return (
    <figure className="hm-Plot">
      <figcaption>
        <span>{title}</span>
        {rows && (
          <Button
            kind="quiet"
            title={trans.__('Download the data of “%1” as CSV', title)}
            onClick={() => saveAs(`${title}.csv`, new Blob([csv(rows)], { type: 'text/csv' }))}
          >
            {trans.__('Data')}
          </Button>
        )}
      </figcaption>
      <div
        className="hm-Plot-canvas"
        ref={host}
        style={{ minHeight: height + 10 }}
        onPointerEnter={() => drawing.current?.hold(true)}
        onPointerLeave={() => drawing.current?.hold(false)}
      />
    </figure>
  );
}

/** Draws at most twice a second, and not under the pointer, where a person reads values or has zoomed. */
class Drawing {
  constructor(
    host: HTMLElement,
    private readonly renderer: IRenderMime.IRenderer,
    private readonly title: string,
    private readonly menuLabel: string
  ) {
    Widget.attach(renderer, host);
    this._themes = new MutationObserver(() => this.soon());
    this._themes.observe(document.body, { attributeFilter: ['data-jp-theme-name', 'data-jp-theme-light'] });
    this._sizes = new ResizeObserver(() => this.soon());
    this._sizes.observe(host);
  }

  draw(specification: () => JSONObject): void {
    this._wanted = specification;
    this.soon();
  }

  hold(held: boolean): void {
    this._held = held;
    if (!held && this._late) {
      this.soon();
    }
  }

  dispose(): void {
    this._disposed = true;
    clearTimeout(this._timer);
    this._themes.disconnect();
    this._sizes.disconnect();
    Widget.detach(this.renderer);
    this.renderer.dispose();
  }

  private soon(): void {
    this._late = true;
    if (this._timer === 0 && !this.isHeld) {
      const wait = Math.max(0, this._last + REDRAW_MS - Date.now());
      this._timer = window.setTimeout(() => {
        if (this.isHeld) {
          // The pointer has come meanwhile: when it leaves, this is drawn.
          this._timer = 0;
        } else {
          void this.render();
        }
      }, wait);
    }
  }

  /** What was never drawn is not held back. */
  private get isHeld(): boolean {
    return this._held && this._last > 0;
  }

  private async render(): Promise<void> {
    this._late = false;
    this._last = Date.now();
    try {
      if (this._wanted && !this._disposed) {
        await this.renderer.renderModel(new MimeModel(bundle(this._wanted(), this.title)));
        // Vega's menu has a picture for a name.
        this.renderer.node.querySelector('summary')?.setAttribute('aria-label', this.menuLabel);
      }
    } catch (error) {
      // The data stands in its file; the next change is drawn anew.
      console.error('Himalia: a plot could not be drawn', error);
    } finally {
      this._timer = 0;
      if (this._late && !this._disposed) {
        this.soon();
      }
    }
  }

  private _wanted: (() => JSONObject) | undefined;
  private _held = false;
  private _late = false;
  private _disposed = false;
  private _last = 0;
  private _timer = 0;
  private readonly _themes: MutationObserver;
  private readonly _sizes: ResizeObserver;
}

function bundle(specification: JSONObject, title: string): MimeModel.IOptions {
  const actions = { export: true, source: false, compiled: false, editor: false };
  return {
    // With a picture beside it Lab's renderer does not make one of its own at each drawing.
    data: { [MIME]: specification, 'image/png': 'AA==' },
    metadata: { [MIME]: { embed_options: { actions, downloadFileName: title } } }
  };
}

function specification(chart: Chart, height: number): JSONObject {
  const style = getComputedStyle(document.body);
  const variable = (name: string) => style.getPropertyValue(name).trim();
  const theme = {
    text: variable('--jp-ui-font-color1'),
    line: variable('--jp-border-color2'),
    brand: variable('--jp-brand-color1'),
    background: variable('--jp-layout-color1'),
    font: variable('--jp-ui-font-family')
  };
  const words = { labelColor: theme.text, titleColor: theme.text, titleFontWeight: 'normal' };
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v5.json',
    width: 'container',
    height,
    autosize: { type: 'fit', contains: 'padding' },
    background: 'transparent',
    config: {
      font: theme.font,
      axis: { ...words, gridColor: theme.line, domainColor: theme.text, tickColor: theme.text },
      legend: words,
      header: words,
      mark: { color: theme.brand },
      view: { stroke: 'transparent' }
    },
    ...(chart(theme) as JSONObject)
  };
}
