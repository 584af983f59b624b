package so.suna.queuemetrics.local;

import com.google.gson.JsonObject;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * The local run on 127.0.0.1: its page at {@code /}, what the page shows at {@code /events}, what
 * its buttons do at {@code /actions/NAME}; all else is the query function's.
 */
final class LocalServer implements AutoCloseable {

  private static final String ACTIONS = "/actions/";

  /** The page is one file, and nothing of it comes from elsewhere. */
  private static final String CONTENT_SECURITY_POLICY =
      "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:;"
          + " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final String page;
  private final HttpHandler events;
  private final Map<String, Runnable> actions;
  private final HttpHandler function;

  /**
   * Listens from now on.
   *
   * @param page in HTML
   * @param actions what may be asked for, by name; any other is refused
   * @throws IOException if the port is in use
   */
  LocalServer(
      int port,
      String page,
      HttpHandler events,
      Map<String, Runnable> actions,
      HttpHandler function)
      throws IOException {
    this.server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    this.page = page;
    this.events = events;
    this.actions = Map.copyOf(actions);
    this.function = function;
    server.createContext("/", this::handle);
    server.setExecutor(threads);
    server.start();
  }

  int port() {
    return server.getAddress().getPort();
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }

  private void handle(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().toString().split("\\?", 2)[0];
    boolean reads = Set.of("GET", "HEAD").contains(exchange.getRequestMethod());
    if (path.equals("/") && reads) {
      exchange.getResponseHeaders().set("Content-Security-Policy", CONTENT_SECURITY_POLICY);
      exchange.getResponseHeaders().set("Cache-Control", "no-store");
      respond(exchange, 200, "text/html; charset=utf-8", page);
    } else if (path.equals("/events") && exchange.getRequestMethod().equals("GET")) {
      events.handle(exchange);
    } else if (path.startsWith(ACTIONS) && exchange.getRequestMethod().equals("POST")) {
      act(exchange, path.substring(ACTIONS.length()));
    } else {
      function.handle(exchange);
    }
  }

  private void act(HttpExchange exchange, String name) throws IOException {
    @Nullable Runnable action = actions.get(name);
    if (!isFromThisPage(exchange)) {
      refuse(exchange, 403, "only the page of this server may ask for that");
    } else if (action == null) {
      refuse(exchange, 403, "not possible in this run");
    } else {
      try {
        action.run();
        exchange.sendResponseHeaders(204, -1);
        exchange.close();
      } catch (RuntimeException e) {
        Throwable cause = e.getCause() == null ? e : e.getCause();
        refuse(exchange, 409, String.valueOf(cause.getMessage()));
      }
    }
  }

  /**
   * A browser tells where a request to change something comes from; any page that it shows could
   * otherwise press the buttons. Other programs tell nothing.
   */
  private boolean isFromThisPage(HttpExchange exchange) {
    @Nullable String origin = exchange.getRequestHeaders().getFirst("Origin");
    @Nullable String site = exchange.getRequestHeaders().getFirst("Sec-Fetch-Site");
    return (origin == null
            || origin.equals("http://127.0.0.1:" + port())
            || origin.equals("http://localhost:" + port()))
        && (site == null || site.equals("same-origin"));
  }

  private static void refuse(HttpExchange exchange, int status, String detail) throws IOException {
    var body = new JsonObject();
    body.addProperty("detail", detail);
    respond(exchange, status, "application/json", body.toString());
  }

  private static void respond(HttpExchange exchange, int status, String type, String text)
      throws IOException {
    try (exchange) {
      byte[] body = text.getBytes(StandardCharsets.UTF_8);
      exchange.getResponseHeaders().set("Content-Type", type);
      boolean head = exchange.getRequestMethod().equals("HEAD");
      exchange.sendResponseHeaders(status, head ? -1 : body.length);
      if (!head) {
        exchange.getResponseBody().write(body);
      }
    }
  }
}
