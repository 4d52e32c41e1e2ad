import { type FormEvent, useEffect, useRef, useState } from 'react';

import { ApiError, errorOf } from '../api/client';
import type { Endpoint, EndpointExample, NewEndpointToken } from '../api/types';
import { useHimalia } from '../context';
import { Button, CopyButton, Failure, Loading, Pairs, Scroll, When } from '../ui/basics';
import { confirm, told } from '../ui/confirm';
import { json } from '../ui/format';
import { useLoaded } from '../ui/hooks';

/** How the endpoint is called: its address, tokens, a line to copy, and a form to try it. */
export function Calls({ endpoint }: { endpoint: Endpoint }): JSX.Element {
  const { endpoints, trans } = useHimalia();
  const [token, setToken] = useState<NewEndpointToken>();
  const { ready, state } = endpoint.status;
  const { value, error, reload } = useLoaded(
    async (signal): Promise<EndpointExample | undefined> =>
      ready ? endpoints.example(endpoint, signal) : undefined,
    [endpoints, endpoint.id, ready, state]
  );
  // While another revision takes over, or it is stopped, what a person has typed stays where it is.
  const [example, setExample] = useState<EndpointExample>();
  useEffect(() => value && setExample(value), [value]);
  return (
    <div className="hm-Calls">
      <section>
        <h3>{trans.__('Address')}</h3>
        <Pairs
          pairs={[
            [trans.__('Through the platform'), <Copied key="u" text={endpoint.url} />],
            [trans.__('Direct, also while the hub is down'), <Copied key="d" text={endpoint.direct_url} />],
            [trans.__('Model in its paths'), <code key="m">{endpoint.model}</code>]
          ]}
        />
      </section>
      <Tokens endpoint={endpoint} shown={token} onToken={setToken} />
      {error && <Failure error={error} retry={reload} />}
      {!ready && !example && (
        <p className="hm-Quiet">{trans.__('An example shows here as soon as the endpoint is ready.')}</p>
      )}
      {ready && !example && !error && <Loading />}
      {example && <Example example={example} token={token} />}
      {example && <TryIt endpoint={endpoint} example={example} />}
    </div>
  );
}

/** A text with a button that copies it. */
function Copied({ text }: { text: string }): JSX.Element {
  const { trans } = useHimalia();
  const shown = useRef<HTMLElement>(null);
  return (
    <span className="hm-Copied">
      <code ref={shown}>{text}</code>
      <CopyButton key={text} kind="quiet" title={trans.__('Copy %1', text)} text={text} of={shown} />
    </span>
  );
}

interface TokensProps {
  endpoint: Endpoint;
  shown: NewEndpointToken | undefined;
  onToken: (token: NewEndpointToken | undefined) => void;
}

/** Who calls it needs a token; one is shown only when it is made. */
function Tokens({ endpoint, shown, onToken }: TokensProps): JSX.Element {
  const { endpoints, trans } = useHimalia();
  const { value, error, reload } = useLoaded(
    signal => endpoints.tokens(endpoint, signal),
    [endpoints, endpoint.id]
  );
  const make = async () => {
    const made = await told(
      () => endpoints.newToken(endpoint, trans.__('made in JupyterLab')),
      trans.__('No token was made.'),
      trans
    );
    if (made) {
      onToken(made);
      reload();
    }
  };
  const revoke = async (token: Parameters<typeof endpoints.removeToken>[1]) => {
    const agreed = await confirm(
      trans.__('Revoke the token %1…?', token.hint),
      trans.__('Whoever calls with it is refused from now on.'),
      trans.__('Revoke'),
      trans
    );
    if (agreed) {
      await told(() => endpoints.removeToken(endpoint, token), trans.__('It was not revoked.'), trans);
      reload();
    }
  };
  return (
    <section>
      <h3>{trans.__('Tokens')}</h3>
      {error && <Failure error={error} retry={reload} />}
      {shown && (
        <div className="hm-Note" role="status">
          {trans.__('Copy it now: it is not shown again.')} <Copied text={shown.token} />
        </div>
      )}
      <ul className="hm-Outputs-files">
        {(value?.items ?? []).map(token => (
          <li key={token.id}>
            <code>{token.hint}…</code>
            <span className="hm-Outputs-name">
              {token.note}{' '}
              <span className="hm-Quiet">
                {token.created_by.name} · <When at={token.created_at} />
              </span>
            </span>
            <Button title={trans.__('Revoke the token %1', token.hint)} onClick={() => revoke(token)}>
              {trans.__('Revoke')}
            </Button>
          </li>
        ))}
      </ul>
      <p>
        <Button onClick={make}>{trans.__('New token')}</Button>
      </p>
    </section>
  );
}

function Example({
  example,
  token
}: {
  example: EndpointExample;
  token: NewEndpointToken | undefined;
}): JSX.Element {
  const { trans } = useHimalia();
  const shown = useRef<HTMLPreElement>(null);
  const withToken = token ? example.curl.replace('$HIMALIA_ENDPOINT_TOKEN', token.token) : example.curl;
  return (
    <section>
      <h3>{trans.__('From a terminal')}</h3>
      <Scroll label={trans.__('curl line')} className="hm-Code">
        <pre ref={shown}>{example.curl}</pre>
      </Scroll>
      <p>
        <CopyButton
          key={withToken}
          title={trans.__('Copy the curl line')}
          label={token && trans.__('Copy with the new token')}
          text={withToken}
          of={shown}
        />
      </p>
      <details>
        <summary>{trans.__('In Python')}</summary>
        <Scroll label={trans.__('Python')} className="hm-Code">
          <pre>{example.python}</pre>
        </Scroll>
      </details>
    </section>
  );
}

interface Answer {
  text: string;
  milliseconds: number;
}

/** Send a request as any program would, and show what comes back. */
function TryIt({ endpoint, example }: { endpoint: Endpoint; example: EndpointExample }): JSX.Element {
  const { trans } = useHimalia();
  // None until a person changes the example: then it is theirs, whatever is served.
  const [typed, setTyped] = useState<string>();
  const [answer, setAnswer] = useState<Answer>();
  const [failure, setFailure] = useState<Error>();
  const [busy, setBusy] = useState(false);
  const call = useCall(endpoint, example);
  const body = typed ?? json(example.body);
  const send = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFailure(undefined);
    call(body)
      .then(setAnswer, (error: Error) => {
        setAnswer(undefined);
        setFailure(error);
      })
      .finally(() => setBusy(false));
  };
  return (
    <section>
      <h3>{trans.__('Try it')}</h3>
      <form onSubmit={send} className="hm-TryIt">
        <textarea
          className="hm-Input"
          aria-label={trans.__('Request')}
          rows={10}
          spellCheck={false}
          value={body}
          onChange={event => setTyped(event.target.value)}
        />
        <p>
          <button type="submit" className="hm-Button hm-mod-accept" disabled={busy || !endpoint.status.ready}>
            {busy ? trans.__('Waiting for the answer…') : trans.__('Send')}
          </button>{' '}
          {typed !== undefined && (
            <Button onClick={() => setTyped(undefined)}>{trans.__('Show the example')}</Button>
          )}{' '}
          {!endpoint.status.ready && (
            <span className="hm-Quiet">{trans.__('It answers nothing now: it is not ready.')}</span>
          )}
        </p>
      </form>
      {failure && <Failure error={failure} />}
      <div role="status" aria-label={trans.__('Answer')}>
        {answer && (
          <>
            <p className="hm-Quiet">{trans.__('Answered in %1 ms', Math.round(answer.milliseconds))}</p>
            <pre className="hm-TryIt-answer">{answer.text}</pre>
          </>
        )}
      </div>
    </section>
  );
}

/** Calls the endpoint with a token of the page's own; one that is good no more is replaced. */
function useCall(endpoint: Endpoint, example: EndpointExample): (body: string) => Promise<Answer> {
  const { client, endpoints, trans } = useHimalia();
  const send = async (body: string): Promise<{ response: Response; milliseconds: number }> => {
    const token = await endpoints.formToken(endpoint, trans.__('tried out in JupyterLab, good for an hour'));
    const begun = performance.now();
    try {
      const response = await fetch(addressHere(example.url), {
        method: 'POST',
        body,
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        credentials: 'omit',
        redirect: 'manual'
      });
      return { response, milliseconds: performance.now() - begun };
    } catch (cause) {
      throw new ApiError(0, 'unreachable', trans.__('The endpoint cannot be reached.'), {
        cause: String(cause)
      });
    }
  };
  return async body => {
    let { response, milliseconds } = await send(body);
    if (response.status === UNAUTHORIZED) {
      endpoints.forgetFormToken(endpoint);
      ({ response, milliseconds } = await send(body));
    }
    if (response.type === 'opaqueredirect') {
      // The proxy sends everybody to the hub for what it has no way to.
      throw new ApiError(
        503,
        'unavailable',
        trans.__('The way to the endpoint is not there just now. Try again in a moment.')
      );
    }
    if (!response.ok) {
      throw await errorOf(response, client.words);
    }
    return { text: pretty(await response.text()), milliseconds };
  };
}

/** What an endpoint answers to a token that has ended or was revoked. */
const UNAUTHORIZED = 401;

/** The same address at the host that this page comes from: others a browser would not let the page call. */
function addressHere(url: string): string {
  const { pathname } = new URL(url, window.location.href);
  return window.location.origin + pathname;
}

function pretty(text: string): string {
  try {
    return json(JSON.parse(text));
  } catch {
    return text;
  }
}
