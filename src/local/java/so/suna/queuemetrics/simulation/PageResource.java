package so.suna.queuemetrics.simulation;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** A page that needs no network: a resource, with uPlot from its WebJar in place. */
public final class PageResource {

  private static final String UPLOT = "/META-INF/resources/webjars/uplot/1.6.30/dist/";

  private PageResource() {}

  /**
   * @param name of a resource beside the class
   */
  public static String read(Class<?> beside, String name) {
    return text(beside, name)
        .replace("/*UPLOT_CSS*/", text(beside, UPLOT + "uPlot.min.css"))
        .replace("/*UPLOT_JS*/", text(beside, UPLOT + "uPlot.iife.min.js"));
  }

  private static String text(Class<?> beside, String resource) {
    try (InputStream in = beside.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException(resource + " must be on the classpath");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
