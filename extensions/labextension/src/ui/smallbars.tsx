interface Bar {
  label: string;
  count: number;
}

export interface SmallBarsProps {
  title: string;
  bars: readonly Bar[];
  /** Leave the title to screen readers. */
  quiet?: boolean;
}

const WIDTH = 120;
const HEIGHT = 32;

/** Counts as bars of a few pixels: many fit on a page. What each stands for is told on hover and to screen readers. */
export function SmallBars({ title, bars, quiet }: SmallBarsProps): JSX.Element {
  const most = Math.max(1, ...bars.map(({ count }) => count));
  const step = WIDTH / Math.max(1, bars.length);
  const told = bars.map(({ label, count }) => `${label}: ${count.toLocaleString()}`);
  return (
    <figure className="hm-SmallBars">
      {!quiet && <figcaption>{title}</figcaption>}
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}. ${told.slice(0, 12).join(', ')}`}
      >
        {bars.map(({ count }, at) => {
          const height = count === 0 ? 0 : Math.max(1, (count / most) * HEIGHT);
          return (
            <g key={at}>
              <title>{told[at]}</title>
              <rect x={at * step} y={0} width={step} height={HEIGHT} fill="transparent" />
              <rect
                className="hm-SmallBars-bar"
                x={at * step + 0.5}
                y={HEIGHT - height}
                width={Math.max(0.5, step - 1)}
                height={height}
              />
            </g>
          );
        })}
      </svg>
      {!quiet && bars.length > 0 && (
        <span className="hm-SmallBars-ends">
          <span>{bars[0].label}</span>
          <span>{bars[bars.length - 1].label}</span>
        </span>
      )}
    </figure>
  );
}
